"""The block of rows that the moments are filled from: 8192 usable rows, whatever batches they came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array, Gram

BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Taken:
    """What one step took from a batch: rows looked at, those left out, and the norms of those kept."""

    rows: int
    non_finite: int
    zero: int
    norms: Array


class OpenBlock:
    """Up to 8192 usable rows in float64, with their norms.

    Rows are cast once, straight into the block; the two arrays are kept between blocks because fresh memory of this
    size costs as much as a quarter of the arithmetic. The memory of rows that never come is never touched: a small
    shard would pay more for it than for its sums.
    """

    def __init__(self, dimension: int) -> None:
        self.filled = 0
        self._rows = np.empty((BLOCK_ROWS, dimension + 1))
        self._norms = np.empty(BLOCK_ROWS)
        self._shifted = np.empty((BLOCK_ROWS, dimension + 2))

    def take(self, vectors: NDArray[Any]) -> Taken:
        """Take rows until the block is full or the batch is used up; leave out what is not finite or zero."""
        vectors = vectors[: BLOCK_ROWS - self.filled]
        self._rows[self.filled : self.filled + len(vectors), -1] = 1.0
        target = self._rows[self.filled : self.filled + len(vectors), :-1]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            target[:] = vectors
            norms = np.sqrt(np.einsum("ij,ij->i", target, target))
        finite = np.isfinite(norms)
        usable = finite & (norms > 0.0)
        if not usable.all():
            norms = norms[usable]
            target[: len(norms)] = target[usable]
        self._norms[self.filled : self.filled + len(norms)] = norms
        self.filled += len(norms)
        n_finite = int(finite.sum())
        return Taken(len(vectors), len(vectors) - n_finite, n_finite - len(norms), norms)

    def added_to(self, gram: Gram, unit_gram: Array) -> tuple[Gram, Array]:
        """Return the sums with this block's rows counted in; a full block is used up, an unfinished one stays open.

        The pivot is the mean of the first block: raw sums of vectors far from the origin lose their digits. One BLAS
        thread: with AVX-512 the bits of OpenBLAS' symmetric update depend on how many share it.
        """
        rows, norms = self._rows[: self.filled, :-1], self._norms[: self.filled]
        pivot = gram.pivot if gram.n else rows.mean(axis=0)
        shifted = self._shifted[: self.filled]
        shifted[:, -1] = 1.0
        np.subtract(rows, pivot, out=shifted[:, :-2])
        np.einsum("ij,ij->i", shifted[:, :-2], shifted[:, :-2], out=shifted[:, -2])
        unit = self._units(norms)
        with one_blas_thread():
            return Gram(pivot, gram.matrix + shifted.T @ shifted), unit_gram + unit.T @ unit

    @property
    def norm_sum(self) -> float:
        """Sum of the norms of this block's rows."""
        return float(self._norms[: self.filled].sum())

    def _units(self, norms: Array) -> Array:
        """Return the rows (x/‖x‖, 1): in place in a full block, else as a copy."""
        unit = self._rows[: self.filled] if self.filled == BLOCK_ROWS else self._rows[: self.filled].copy()
        unit[:, :-1] /= norms[:, None]
        return unit
