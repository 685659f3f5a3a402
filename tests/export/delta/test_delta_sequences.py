"""Deltas of Parquet over sequences of corpora that hypothesis makes: they give what the full export gives."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.config.export import ExportConfig
from sphering.config.model import TransformConfig
from sphering.export.delta.base import DeltaBase
from sphering.export.make import write
from sphering.export.matrix.assemble import make_matrix
from sphering.export.protocol import ExportJob
from sphering.geometry.moments import Moments
from sphering.identity import canonical_json
from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot
from sphering.transform import fit

D = 4
VECTORS = np.random.default_rng(2).standard_normal((6, D)).astype(np.float32)
VECTORS[0] = 0
"""The first stands for a text of whose vector nothing is left."""
MOMENTS = Moments.empty(D)
MOMENTS.update(VECTORS[1:])
PLAIN = fit(TransformConfig(kind="none"), MOMENTS, encoder="e" * 16, snapshot="5" * 16)
IDS = ["a", "b", "é", "\t", '"', "\U0001f600", "z" * 300]
VALUES = st.sampled_from([None, 1, 1.0, "1", "é", [1, {"x": None}], {}])
DOCUMENT = st.tuples(st.integers(0, 5), st.dictionaries(st.sampled_from(["k", 'q"uote', "n"]), VALUES, max_size=3))
CORPUS = st.dictionaries(st.sampled_from(IDS), DOCUMENT, max_size=7).map(lambda found: {**found, "kept": (1, {})})


@dataclass(frozen=True)
class Made:
    """An export in a folder, and what the next one's delta needs of it."""

    job: ExportJob

    @cached_property
    def rows(self) -> dict:
        return _by_id(self.job.folder / "vectors.parquet")

    def base(self) -> DeltaBase:
        gone = pq.read_table(self.job.folder / "excluded.parquet", columns=["doc_id"])["doc_id"].combine_chunks()
        return DeltaBase("release", "export", self.job.snapshot, gone)


@settings(max_examples=25, deadline=None)
@given(
    corpora=st.lists(CORPUS, min_size=2, max_size=5),
    columns=st.sampled_from([None, ["k", 'q"uote'], []]),
    keys=st.sampled_from([{}, {"dtype": "float16"}, {"dtype": "int8"}, {"truncate_dim": 3}, {"shard_rows": 2}]),
)
def test_all_deltas_in_order_give_the_full_export(corpora, columns, keys):
    with TemporaryDirectory() as folder:
        held: dict = {}
        before = None
        for number, corpus in enumerate(corpora):
            made = _export(Path(folder) / str(number), corpus, {**keys, "metadata": columns}, before)
            held = made.rows if before is None else _applied(held, made.job.folder)
            assert held == made.rows
            _says_no_more_than_it_must(made, before)
            before = made


def _says_no_more_than_it_must(made: Made, before: Made | None) -> None:
    if before is None:
        return
    facts = json.loads((made.job.folder / "delta.json").read_text())
    both = before.rows.keys() & made.rows.keys()
    moved = {doc_id for doc_id in both if before.rows[doc_id]["embedding"] != made.rows[doc_id]["embedding"]}
    labels = {doc_id for doc_id in both - moved if before.rows[doc_id]["metadata"] != made.rows[doc_id]["metadata"]}
    assert facts["deletes"] == len(before.rows.keys() - made.rows.keys())
    assert facts["upserts"] == len((made.rows.keys() - before.rows.keys()) | moved)
    assert facts["payload_updates"] == len(labels)


def test_a_scale_that_other_documents_change_goes_with_no_delta():
    with pytest.raises(ValueError, match="scale"):
        _config({"dtype": "int8", "scale": "dimension"})


def _config(keys: dict) -> ExportConfig:
    return ExportConfig.model_validate({"name": "x", "format": "parquet", "delta": True, **keys})


def _export(folder: Path, corpus: dict, keys: dict, before: Made | None) -> Made:
    snapshot = _snapshot(folder / "shards", corpus)
    matrix = make_matrix(snapshot, PLAIN, folder / "matrix")
    base = before.base() if before else None
    job = ExportJob(_config(keys), matrix, snapshot, PLAIN, folder / "files", base=base)
    write(job)
    return Made(job)


def _snapshot(folder: Path, corpus: dict) -> Snapshot:
    folder.mkdir(parents=True)
    documents = ((doc_id, text, canonical_json(data).decode()) for doc_id, (text, data) in corpus.items())
    rows = sorted((_hash(f"text {text}"), doc_id, text, metadata) for doc_id, text, metadata in documents)
    columns = {
        "doc_id": [row[1] for row in rows],
        "text": [f"text {row[2]}" for row in rows],
        "text_hash": pa.array([row[0] for row in rows], pa.binary(32)),
        "metadata_hash": pa.array([_hash(row[3]) for row in rows], pa.binary(32)),
        "n_tokens": [1] * len(rows),
        "n_unknown": [0] * len(rows),
        "truncated": [False] * len(rows),
        "norm": [1.0] * len(rows),
        "metadata": [row[3] for row in rows],
        "embedding": vector_array(VECTORS[[row[2] for row in rows]]),
    }
    write_shard(folder / "0.parquet", pa.table(columns, schema=schema(D)))
    manifest = SnapshotManifest(
        id="5" * 16,
        corpus="tested",
        encoder="e" * 16,
        encoder_document={},
        dimension=D,
        content_digest="d" * 64,
        documents=len(rows),
        texts=len({row[2] for row in rows}),
        tokens=0,
        unknown=0,
        truncated=0,
        keep_text=True,
        labels=(),
        metadata=(),
        shards=(ShardEntry("0", len(rows), 0, 0, ""),),
        dropped_sha256=None,
        created_at="2026-01-01T00:00:00Z",
        run="tested",
    )
    return Snapshot(manifest, [folder / "0.parquet"], None)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _by_id(path: Path) -> dict:
    parts = [path] if path.exists() else sorted(path.parent.glob("vectors-*.parquet"))
    return {row["doc_id"]: row for part in parts for row in pq.read_table(part).to_pylist()}


def _applied(held: dict, folder: Path) -> dict:
    gone = _by_id(folder / "delta-deletes.parquet")
    assert gone.keys() <= held.keys()
    left = {doc_id: row for doc_id, row in held.items() if doc_id not in gone}
    rows = left | _by_id(folder / "delta-upserts.parquet")
    for doc_id, row in _by_id(folder / "delta-payload.parquet").items():
        rows[doc_id] = {**rows[doc_id], "metadata": row["metadata"]}
    return dict(sorted(rows.items(), key=lambda pair: pair[0].encode()))
