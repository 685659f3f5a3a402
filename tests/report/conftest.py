"""Small real snapshots on disk: real texts, the real default model, the store's own shard files."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import TransformConfig
from sphering.encoder import Encoded, Encoder, identify, open_encoder
from sphering.geometry.moments import Moments
from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform
from sphering.transform.fit import fit

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    config = SentenceTransformersConfig(backend="torch")
    return open_encoder(identify(config, "torch"), config)


def build(
    folder: Path, texts: list[str], encoded: Encoded, encoder: str, shards: int = 2, metadata: list[str] | None = None
) -> Snapshot:
    """Write documents (repeats stay repeats) as `shards` shards in text-hash order; drop one row of the first."""
    metadata = metadata or ["{}"] * len(texts)
    hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
    kept: list[ShardEntry] = []
    paths = []
    for number, part in enumerate(np.array_split(np.arange(len(texts)), shards)):
        rows = sorted(part.tolist(), key=lambda row: hashes[row])
        paths.append(folder / f"shard-{number}.parquet")
        write_shard(paths[-1], _table(rows, texts, hashes, encoded, metadata))
        kept.append(ShardEntry(f"shard-{number}", len(rows), int(number == 0), 0, ""))
    dropped = folder / "dropped.parquet"
    pq.write_table(pa.table({"shard": pa.array([0], pa.int32()), "row": pa.array([3], pa.int64())}), dropped)
    return _reader(Snapshot(_manifest(kept, encoder, encoded.vectors.shape[1]), paths, dropped))


def _table(rows: list[int], texts: list[str], hashes: list[bytes], encoded: Encoded, metadata: list[str]) -> pa.Table:
    vectors = encoded.vectors[rows]
    unknown = None if encoded.n_unknown is None else encoded.n_unknown[rows]
    columns: dict[str, Any] = {
        "doc_id": [f"doc-{row:05d}" for row in rows],
        "text": [texts[row] for row in rows],
        "text_hash": pa.array([hashes[row] for row in rows], pa.binary(32)),
        "metadata_hash": pa.array([hashlib.sha256(metadata[row].encode()).digest() for row in rows], pa.binary(32)),
        "n_tokens": encoded.n_tokens[rows],
        "n_unknown": pa.array([None] * len(rows), pa.int32()) if unknown is None else unknown,
        "truncated": encoded.truncated[rows],
        "norm": np.linalg.norm(vectors.astype(np.float64), axis=1).astype(np.float32),
        "metadata": [metadata[row] for row in rows],
        "embedding": vector_array(vectors),
    }
    return pa.table(columns, schema=schema(vectors.shape[1]))


def _manifest(entries: list[ShardEntry], encoder: str, dimension: int, **counts: Any) -> SnapshotManifest:
    fields: dict[str, Any] = {"documents": 0, "texts": 0, "tokens": 0, "unknown": None, "truncated": 0} | counts
    return SnapshotManifest(
        id="5" * 16,
        corpus="tested",
        encoder=encoder,
        encoder_document={},
        dimension=dimension,
        content_digest="d" * 64,
        keep_text=True,
        labels=(),
        metadata=(),
        shards=tuple(entries),
        dropped_sha256="0" * 64,
        created_at="2026-01-01T00:00:00Z",
        run="tested",
        **fields,
    )


def _reader(bare: Snapshot) -> Snapshot:
    """Return the reader with a manifest whose counts are those of the shards."""
    documents = bare.scan().collect()
    unknown = documents["n_unknown"]
    counted = _manifest(
        list(bare.manifest.shards),
        bare.manifest.encoder,
        bare.dimension,
        documents=len(documents),
        texts=documents["text_hash"].n_unique(),
        tokens=int(documents["n_tokens"].sum()),
        unknown=None if unknown.null_count() else int(unknown.sum()),
        truncated=int(documents["truncated"].sum()),
    )
    return Snapshot(counted, bare.paths, bare.dropped_path)


@pytest.fixture(scope="session")
def write_snapshot() -> Callable[..., Snapshot]:
    return build


@pytest.fixture(scope="session")
def make_snapshot(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], Snapshot]:
    def make(texts: list[str]) -> Snapshot:
        return build(tmp_path_factory.mktemp("snapshot"), texts, encoder.encode(texts), encoder.identity.id)

    return make


@pytest.fixture(scope="session")
def bank(make_snapshot: Callable[[list[str]], Snapshot]) -> Snapshot:
    """500 questions to a bank, the first 20 of them twice."""
    texts = pq.read_table(EXAMPLES / "banking77" / "banking77.parquet")["text"].to_pylist()[::27][:480]
    return make_snapshot(texts + texts[:20])


@pytest.fixture(scope="session")
def stretched(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """300 questions whose vectors have norms from 0.2 to 5."""
    texts = pq.read_table(EXAMPLES / "banking77" / "banking77.parquet")["text"].to_pylist()[::40][:300]
    encoded = encoder.encode(texts)
    lengths = np.random.default_rng(0).uniform(0.2, 5.0, size=(300, 1)).astype(np.float32)
    longer = dataclasses.replace(encoded, vectors=encoded.vectors * lengths)
    return build(tmp_path_factory.mktemp("stretched"), texts, longer, encoder.identity.id)


@pytest.fixture(scope="session")
def raw_moments(bank: Snapshot) -> Moments:
    moments = Moments.empty(bank.dimension)
    for block in bank.vectors():
        moments.update(block)
    return moments


@pytest.fixture(scope="session")
def centred(bank: Snapshot, raw_moments: Moments) -> Transform:
    return fitted("center", bank, raw_moments)


def fitted(kind: str, snapshot: Snapshot, moments: Moments, **parameters: Any) -> Transform:
    config = TransformConfig(kind=kind, **parameters)  # type: ignore[arg-type]
    return fit(config, moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)
