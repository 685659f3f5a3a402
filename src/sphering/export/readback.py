"""What was published, read by its own reader and compared with what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.assemble import MAX_NORM_ERROR
from sphering.export.matrix import Matrix
from sphering.export.protocol import Block, Format

REMEDY = "delete this folder and run again: the export is made anew"


@dataclass(frozen=True)
class ReadBack:
    """What a reader found: rows, and max |norm − 1| (None where the engine keeps fewer bits)."""

    n: int
    max_norm_error: float | None


def read_back(chosen: Format, folder: Path, dimension: int) -> ReadBack:
    """Read an export and check the shape and the norm of every row.

    Raises
    ------
    IntegrityError
        If it cannot be read, a dimension differs, or a row is not finite or not of norm 1.
    """
    return _walk(chosen.read(folder), folder, dimension)


def compare(chosen: Format, folder: Path, matrix: Matrix) -> ReadBack:
    """Read an export and compare ids, order and values with the matrix, bit by bit.

    Raises
    ------
    IntegrityError
        If anything differs.
    """
    found = _walk(_equal(chosen.read(folder), folder, matrix), folder, matrix.d)
    if found.n != matrix.n:
        raise IntegrityError(f"{found.n} rows", expected=f"{matrix.n}", where=str(folder), remedy=REMEDY)
    return found


def _walk(blocks: Iterator[Block], folder: Path, dimension: int) -> ReadBack:
    n, worst, lossless = 0, 0.0, True
    for block in blocks:
        n += len(block.doc_ids)
        if block.vectors is None:
            lossless = False
            continue
        if block.vectors.shape != (len(block.doc_ids), dimension):
            raise IntegrityError(
                f"vectors of shape {block.vectors.shape} for {len(block.doc_ids)} ids",
                expected=f"{dimension} dimensions",
                where=str(folder),
                remedy=REMEDY,
            )
        worst = max(worst, _norm_error(block, folder))
    return ReadBack(n, worst if lossless else None)


def _norm_error(block: Block, folder: Path) -> float:
    vectors: NDArray[np.float32] = block.vectors  # type: ignore[assignment]
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    errors = np.abs(norms - 1.0)
    wrong = ~(errors <= MAX_NORM_ERROR)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise IntegrityError(
            f"{int(wrong.sum())} vectors have a norm other than 1, such as {norms[first]:.9g}",
            expected=f"|norm − 1| <= {MAX_NORM_ERROR:g}",
            where=f"{folder}, document {block.doc_ids[first].as_py()!r}",
            remedy=REMEDY,
        )
    return float(np.max(errors, initial=0.0))


def _equal(blocks: Iterator[Block], folder: Path, matrix: Matrix) -> Iterator[Block]:
    """Pass blocks on once their ids and vectors are those of the matrix."""
    start = 0
    for block in blocks:
        stop = start + len(block.doc_ids)
        if not block.doc_ids.cast(pa.string()).equals(matrix.ids.slice(start, stop - start)):
            raise IntegrityError(
                f"the ids of rows {start} to {stop} are not those that were written", where=str(folder), remedy=REMEDY
            )
        if block.vectors is not None and not np.array_equal(block.vectors, matrix.rows(start, stop - start)):
            raise IntegrityError(
                f"the vectors of rows {start} to {stop} are not those that were written",
                where=str(folder),
                remedy=REMEDY,
            )
        start = stop
        yield block
