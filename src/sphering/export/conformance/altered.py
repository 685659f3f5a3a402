"""A matrix that is not what it was: what an export must not be mistaken for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.export.matrix.files import EXCLUDED, FACTS, HELD_OUT, IDS, VECTORS, Matrix

_ROW = 7


def swapped_rows(matrix: Matrix, folder: Path) -> Matrix:
    """Return a copy in which two neighbouring vectors that differ have changed places."""
    vectors = matrix.vectors().copy()
    first = int(np.argmax((vectors[1:] != vectors[:-1]).any(axis=1)))
    vectors[[first, first + 1]] = vectors[[first + 1, first]]
    return _saved(matrix, folder, vectors, pq.read_table(matrix.directory / IDS))


def swapped_ids(matrix: Matrix, folder: Path) -> Matrix:
    """Return a copy in which two neighbouring documents have changed their ids."""
    ids = pq.read_table(matrix.directory / IDS)
    names = ids["doc_id"].to_pylist()
    names[3], names[4] = names[4], names[3]
    return _saved(matrix, folder, matrix.vectors(), ids.set_column(1, ids.schema.field(1), pa.array(names)))


def scaled_row(matrix: Matrix, folder: Path, factor: float) -> Matrix:
    """Return a copy in which one vector has another length."""
    vectors = matrix.vectors().copy()
    vectors[_ROW] *= factor
    return _saved(matrix, folder, vectors, pq.read_table(matrix.directory / IDS))


def _saved(matrix: Matrix, folder: Path, vectors: np.ndarray, ids: pa.Table) -> Matrix:
    folder.mkdir()
    np.save(folder / VECTORS, vectors)
    pq.write_table(ids, folder / IDS)
    for name in (EXCLUDED, HELD_OUT):
        (folder / name).write_bytes((matrix.directory / name).read_bytes())
    (folder / FACTS).write_text(json.dumps(asdict(matrix.facts)), encoding="utf-8")
    found = Matrix.load(folder)
    assert found is not None
    return found
