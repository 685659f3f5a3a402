"""A small corpus on disk: documents with raw vectors, as shards of a snapshot in any layout."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot

_Entry = tuple[bytes, str, str, NDArray[np.float32], dict[str, Any] | None]
_HEADS = ("é", "z", "Z", "9", "10", "\U0001f600", "ﬀ", 'quo"ted', "back\\slash", "a/b c%20", "'; --", "l" * 200)
_DOCUMENTS, _AGAIN, _DIMENSION = 97, 6, 24


@dataclass(frozen=True)
class Corpus:
    """Documents with their raw vectors, in `doc_id` order: what an export is held against.

    Parameters
    ----------
    encoder : str
        The id of the encoder.
    doc_ids, texts : list of str
    vectors : ndarray, shape (n, d), float32
    metadata : list of dict, optional
        By default the length of each text.
    """

    encoder: str
    doc_ids: list[str]
    texts: list[str]
    vectors: NDArray[np.float32]
    metadata: list[dict[str, Any]] | None = None

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The metadata of each document."""
        return self.metadata or [{"length": len(text)} for text in self.texts]

    def snapshot(self, folder: Path, shards: int = 2, seed: int = 0, strangers: int = 5) -> Snapshot:
        """Write the documents as shards in text-hash order, each with rows that the snapshot drops."""
        rng = np.random.default_rng(seed)
        folder.mkdir(parents=True)
        parts = np.array_split(rng.permutation(len(self.doc_ids)), shards)
        paths, dropped = [], []
        for number, part in enumerate(parts):
            table, gone = self._shard(part, rng, strangers)
            paths.append(folder / f"{number}.parquet")
            write_shard(paths[-1], table)
            dropped += [(number, row) for row in gone]
        pq.write_table(
            pa.table(
                {
                    "shard": pa.array([shard for shard, _ in dropped], pa.int32()),
                    "row": pa.array([row for _, row in dropped], pa.int64()),
                }
            ),
            folder / "dropped.parquet",
        )
        return Snapshot(self._manifest([len(part) for part in parts]), paths, folder / "dropped.parquet")

    def _shard(self, rows: NDArray[np.int64], rng: np.random.Generator, strangers: int) -> tuple[pa.Table, list[int]]:
        """Return a shard's table in text-hash order, and which of its rows are documents that were removed since."""
        entries: list[_Entry] = [
            (_hash(self.texts[row]), self.doc_ids[row], self.texts[row], self.vectors[row], self.columns[row])
            for row in rows
        ]
        for number in range(strangers):
            vector = rng.normal(size=self.vectors.shape[1:]).astype(np.float32)
            entries.append((_hash(f"gone {number}"), f"gone-{number}", f"gone {number}", vector, None))
        entries.sort(key=lambda entry: entry[0])
        vectors = np.stack([entry[3] for entry in entries])
        metadata = [json.dumps(entry[4] or {}, ensure_ascii=False) for entry in entries]
        columns = {
            "doc_id": [entry[1] for entry in entries],
            "text": [entry[2] for entry in entries],
            "text_hash": pa.array([entry[0] for entry in entries], pa.binary(32)),
            "metadata_hash": pa.array([_hash(text) for text in metadata], pa.binary(32)),
            "n_tokens": [8] * len(entries),
            "n_unknown": [0] * len(entries),
            "truncated": [False] * len(entries),
            "norm": np.linalg.norm(vectors, axis=1).astype(np.float32),
            "metadata": metadata,
            "embedding": vector_array(vectors),
        }
        gone = [row for row, entry in enumerate(entries) if entry[4] is None]
        return pa.table(columns, schema=schema(vectors.shape[1])), gone

    def _manifest(self, rows: list[int]) -> SnapshotManifest:
        return SnapshotManifest(
            id="5" * 16,
            corpus="tested",
            encoder=self.encoder,
            encoder_document={},
            dimension=self.vectors.shape[1],
            content_digest="d" * 64,
            documents=len(self.doc_ids),
            texts=len(set(self.texts)),
            tokens=0,
            unknown=0,
            truncated=0,
            keep_text=True,
            labels=(),
            metadata=tuple(self.columns[0]),
            shards=tuple(ShardEntry(str(number), count, 0, 0, "") for number, count in enumerate(rows)),
            dropped_sha256="0" * 64,
            created_at="2026-01-01T00:00:00Z",
            run="tested",
        )


def synthetic(seed: int = 0) -> Corpus:
    """Return 97 documents under odd ids: six texts stand twice, vectors share a direction, metadata of every type."""
    rng = np.random.default_rng(seed)
    distinct = _DOCUMENTS - _AGAIN
    scales = np.linspace(1.0, 0.1, _DIMENSION)
    vectors = rng.normal(0.3, scales, size=(distinct, _DIMENSION)).astype(np.float32)
    number = [*range(distinct), *range(_AGAIN)]
    ids = [f"{_HEADS[row % len(_HEADS)]}-{row}" for row in range(_DOCUMENTS)]
    order = sorted(range(_DOCUMENTS), key=lambda row: ids[row].encode())
    metadata: list[dict[str, Any]] = [
        {"day": f"2026-01-{1 + row % 28:02}", "flag": row % 2 == 0, "length": row, "note": [None, 'ü "x"\n'][row % 2]}
        for row in range(_DOCUMENTS)
    ]
    return Corpus(
        encoder="e" * 16,
        doc_ids=[ids[row] for row in order],
        texts=[f"text {number[row]}" for row in order],
        vectors=vectors[[number[row] for row in order]],
        metadata=[metadata[row] for row in order],
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
