"""What was published, read by its own reader and compared with what was meant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.codes import FLOAT32
from sphering.export.matrix.assemble import MAX_NORM_ERROR
from sphering.export.matrix.rows import Rows
from sphering.export.matrix.stream import Stream
from sphering.export.protocol import Block, ExportJob, Format

REMEDY = "delete this folder and run again: the export is made anew"


@dataclass(frozen=True)
class ReadBack:
    """What a reader found: rows, and max |norm − 1| (None where the engine does not give vectors back)."""

    n: int
    max_norm_error: float | None


def read_back(chosen: Format, folder: Path, dimension: int, *, exact: bool) -> ReadBack:
    """Read an export and check the shape and, where all bits are kept, the norm of every row.

    Raises
    ------
    IntegrityError
        If it cannot be read, a dimension differs, or a row is not finite or not of norm 1.
    """
    return _walk(chosen.read(folder), folder, dimension, math.inf if not exact else MAX_NORM_ERROR)


def compare(chosen: Format, folder: Path, job: ExportJob) -> ReadBack:
    """Read an export and compare ids, order and values with what was to be written, bit by bit.

    Raises
    ------
    IntegrityError
        If anything differs.
    """
    rows, exact = job.rows, getattr(job.config, "dtype", FLOAT32) == FLOAT32
    bound = MAX_NORM_ERROR if exact else math.inf
    found = _walk(_equal(chosen.read(folder), folder, Expected(job, chosen.expected(job))), folder, rows.d, bound)
    if found.n != rows.n:
        raise IntegrityError(f"{found.n} rows", expected=f"{rows.n}", where=str(folder), remedy=REMEDY)
    if not exact or rows.truncate_dim is not None or found.max_norm_error is None:
        _check_source(job)
    return found


def _check_source(job: ExportJob) -> None:
    """Check the norms of the matrix itself: what was cut, rounded or not given back no longer shows them."""
    whole = Rows(job.matrix)
    for doc_ids, vectors in zip(whole.ids(), whole.blocks(), strict=True):
        _norm_error(Block(doc_ids, vectors), job.matrix.directory, MAX_NORM_ERROR)


def _walk(blocks: Iterator[Block], folder: Path, dimension: int, bound: float) -> ReadBack:
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
        worst = max(worst, _norm_error(block, folder, bound))
    return ReadBack(n, worst if lossless else None)


def _norm_error(block: Block, folder: Path, bound: float) -> float:
    vectors: NDArray[np.float32] = block.vectors  # type: ignore[assignment]
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    errors = np.abs(norms - 1.0)
    wrong = ~(errors <= bound)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise IntegrityError(
            f"{int(wrong.sum())} vectors have a norm other than 1, such as {norms[first]:.9g}",
            expected=f"|norm − 1| <= {bound:g}",
            where=f"{folder}, document {block.doc_ids[first].as_py()!r}",
            remedy=REMEDY,
        )
    return float(np.max(errors, initial=0.0))


class Expected:
    """What is to come back, taken in the portions in which a reader gives it."""

    def __init__(self, job: ExportJob, vectors: Iterator[NDArray[np.float32]]) -> None:
        self._ids = Stream(job.rows.ids())
        self._vectors = Stream(vectors)
        self.end = 0

    def ids(self, count: int) -> pa.Array:
        """Return the next ids, fewer where there are no more."""
        return pa.chunked_array(list(self._ids.take(count)), pa.string()).combine_chunks()

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Return the next vectors, fewer where there are no more."""
        blocks = list(self._vectors.take(count))
        return np.concatenate(blocks) if blocks else np.empty((0, 0), np.float32)


def _equal(blocks: Iterator[Block], folder: Path, expected: Expected) -> Iterator[Block]:
    """Pass blocks on once their ids and vectors are those that are expected."""
    for block in blocks:
        start, count = expected.end, len(block.doc_ids)
        if not block.doc_ids.cast(pa.string()).equals(expected.ids(count)):
            raise IntegrityError(
                f"the ids of rows {start} to {start + count} are not those that were written",
                where=str(folder),
                remedy=REMEDY,
            )
        if block.vectors is not None and not np.array_equal(block.vectors, expected.vectors(count)):
            raise IntegrityError(
                f"the vectors of rows {start} to {start + count} are not those that were written",
                where=str(folder),
                remedy=REMEDY,
            )
        expected.end += count
        yield block
