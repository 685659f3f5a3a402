"""The matrix of a release: its unit vectors in `doc_id` order, written once and shared by all exports."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.export.matrix.stream import ahead

VECTORS = "vectors.npy"
IDS = "ids.parquet"
EXCLUDED = "excluded.parquet"
HELD_OUT = "held_out.npy"
FACTS = "matrix.json"
BLOCK_ROWS = 8192
ROW_GROUP_ROWS = 16384

IDS_SCHEMA = pa.schema(
    [
        pa.field("row_id", pa.int64(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("uuid", pa.string(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
EXCLUDED_SCHEMA = pa.schema(
    [pa.field("doc_id", pa.string(), nullable=False), pa.field("reason", pa.string(), nullable=False)]
)


def read_rows(path: Path, n: int, d: int, rows: int = BLOCK_ROWS) -> Iterator[NDArray[np.float32]]:
    """Yield the (n, d) float32 rows that end a file in blocks of at most `rows` rows: memory is one block."""
    with path.open("rb") as stream:
        stream.seek(path.stat().st_size - n * d * 4)
        for start in range(0, n, rows):
            count = min(rows, n - start)
            yield np.fromfile(stream, dtype="<f4", count=count * d).reshape(count, d)


@dataclass(frozen=True)
class MatrixFacts:
    """What is known of a matrix: rows, dimension, what was left out, equal rows, and how far norms are from 1."""

    n: int
    d: int
    excluded: int
    duplicate_vectors: int
    max_norm_error: float
    snapshot: str
    transform_sha256: str


@dataclass(frozen=True)
class Matrix:
    """The files of one matrix in a local folder.

    vectors.npy is (n, d) float32 unit rows in `doc_id` order; ids.parquet has row_id (dense from 0), doc_id,
    uuid and metadata; excluded.parquet has doc_id and reason; held_out.npy is (n,) bool: rows of the texts with the
    smallest hashes, which a probe index leaves out.
    """

    directory: Path
    facts: MatrixFacts

    @property
    def path(self) -> Path:
        """The vectors."""
        return self.directory / VECTORS

    @property
    def n(self) -> int:
        """Rows."""
        return self.facts.n

    @property
    def d(self) -> int:
        """The dimension."""
        return self.facts.d

    @cached_property
    def ids(self) -> pa.Array:
        """doc_id of every row, (n,) string: all of them, in memory."""
        return pq.read_table(self.directory / IDS, columns=["doc_id"])["doc_id"].combine_chunks()

    def vectors(self) -> NDArray[np.float32]:
        """Return the vectors as a read-only memory map, (n, d)."""
        mapped: NDArray[np.float32] = np.load(self.path, mmap_mode="r")
        return mapped

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors in blocks of at most `rows` rows, read, not mapped: memory is two blocks."""
        return ahead(read_rows(self.path, self.n, self.d, rows))

    def rows(self, start: int, count: int) -> NDArray[np.float32]:
        """Return `count` rows from `start` on, read, not mapped."""
        offset = self.path.stat().st_size - (self.n - start) * self.d * 4
        read = np.fromfile(self.path, dtype="<f4", count=count * self.d, offset=offset)
        return read.reshape(-1, self.d)

    def rows_at(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of some rows, (…, d) for (…) places, read, not mapped.

        Of a mapping all that the kernel maps around a row counts as memory: 280 MB for 1,000 rows at a time.
        """
        distinct, at = np.unique(places, return_inverse=True)
        found = np.empty((len(distinct), self.d), dtype="<f4")
        offset = self.path.stat().st_size - self.n * self.d * 4
        with self.path.open("rb", buffering=0) as stream:
            for row, place in zip(found, distinct.tolist(), strict=True):
                os.preadv(stream.fileno(), [row.data], offset + place * self.d * 4)
        return found[at.reshape(places.shape)]

    def documents(self, rows: int = BLOCK_ROWS, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield row_id, doc_id, uuid and metadata, or some of these columns, in blocks of at most `rows` rows."""
        with pq.ParquetFile(self.directory / IDS) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)

    def held_out(self) -> NDArray[np.bool_]:
        """Return which rows a probe index leaves out, (n,) bool."""
        mask: NDArray[np.bool_] = np.load(self.directory / HELD_OUT)
        return mask

    def save(self) -> None:
        """Write what is known of the matrix, last: a folder without it is not finished."""
        beside = self.directory / f".{FACTS}"
        beside.write_text(json.dumps(asdict(self.facts)), encoding="utf-8")
        beside.replace(self.directory / FACTS)

    @classmethod
    def load(cls, directory: Path) -> Matrix | None:
        """Return the matrix of a folder, or None where none was finished."""
        facts = directory / FACTS
        if not facts.is_file():
            return None
        return cls(directory, MatrixFacts(**json.loads(facts.read_text(encoding="utf-8"))))
