"""The block of rows that the moments are filled from: 8192 usable rows, whatever batches they came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.gram import Array, Gram
from sphering.geometry.products import self_product
from sphering.geometry.sums import Sums

BLOCK_ROWS = 8192
LEAST_NORM, GREATEST_NORM = 1e-70, 1e70
"""Fourth powers of lengths outside overflow float64, or lose their digits; float32 reaches from 1e-45 to 1e38."""
_CACHED_ROWS = 256  # of 384 numbers, these and what is made of them fit into a second-level cache


@dataclass(frozen=True)
class Taken:
    """What one step took from a batch: rows looked at, those left out, and the norms of those kept."""

    rows: int
    non_finite: int
    zero: int
    norms: Array


class OpenBlock:
    """Up to 8192 usable rows in float64, with their norms and weights.

    Rows are cast once, straight into the block; the two arrays are kept between blocks because fresh memory of this
    size costs as much as a quarter of the arithmetic. The memory of rows that never come is never touched: a small
    shard would pay more for it than for its sums. A row stands there as (x, 0, 1), as wide as (y, w, 1), which is made
    of it: NumPy walks over whole arrays twice as fast as over parts of their rows.
    """

    def __init__(self, dimension: int) -> None:
        self.filled = 0
        self._rows = np.empty((BLOCK_ROWS, dimension + 2))
        self._shifted = np.empty((BLOCK_ROWS, dimension + 2))
        self._norms = np.empty(BLOCK_ROWS)
        self._weights = np.empty(BLOCK_ROWS)

    def take(self, vectors: NDArray[Any], weights: Array | None) -> Taken:
        """Take rows until the block is full or the batch is used up; leave out what is not finite or zero.

        Parameters
        ----------
        vectors : ndarray, shape (n, d)
        weights : ndarray, shape (n,), or None
            Above 0; None counts each row once.
        """
        vectors = vectors[: BLOCK_ROWS - self.filled]
        place = slice(self.filled, self.filled + len(vectors))
        self._rows[place, -2:] = (0.0, 1.0)
        target = self._rows[place, :-2]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            target[:] = vectors
            norms = np.sqrt(np.vecdot(target, target))
        finite = norms <= GREATEST_NORM
        usable = finite & (norms >= LEAST_NORM)
        counted = np.ones(len(vectors)) if weights is None else weights[: len(vectors)]
        if not usable.all():
            norms, counted = norms[usable], counted[usable]
            target[: len(norms)] = target[usable]
        place = slice(self.filled, self.filled + len(norms))
        self._norms[place], self._weights[place] = norms, counted
        self.filled += len(norms)
        n_finite = int(finite.sum())
        return Taken(len(vectors), len(vectors) - n_finite, n_finite - len(norms), norms)

    def added_to(self, sums: Sums) -> Sums:
        """Return the sums with this block's rows counted in; a full block is used up, an unfinished one stays open.

        The pivot is the mean of the first block: raw sums of vectors far from the origin lose their digits.
        """
        norms, weights = self._norms[: self.filled], self._weights[: self.filled]
        rows = self._rows[: self.filled] if self.filled == BLOCK_ROWS else self._rows[: self.filled].copy()
        pivot = sums.gram.pivot if sums.squares else rows[:, :-2].mean(axis=0)
        shifted = self._shifted[: self.filled]
        _shift_and_normalise(rows, shifted, pivot, norms)
        if (weights != 1.0).any():
            roots = np.sqrt(weights)[:, None]
            rows *= roots
            shifted *= roots
        gram = Gram(pivot, sums.gram.matrix + self_product(shifted))
        unit = np.delete(np.delete(self_product(rows), -2, axis=0), -2, axis=1)
        norm = sums.norm + float((norms * weights).sum())
        return Sums(gram, sums.unit + unit, norm, sums.squares + float((weights**2).sum()))


def _shift_and_normalise(rows: Array, shifted: Array, pivot: Array, norms: Array) -> None:
    """Fill `shifted` with (y, ‖y‖², 1), y = x − pivot, and make (x/‖x‖, 0, 1) of the rows, a cached part at a time."""
    origin = np.append(pivot, (0.0, 0.0))
    with np.errstate(under="ignore"):
        for start in range(0, len(rows), _CACHED_ROWS):
            place = slice(start, start + _CACHED_ROWS)
            part, moved = rows[place], shifted[place]
            np.subtract(part, origin, out=moved)
            np.vecdot(moved[:, :-2], moved[:, :-2], out=moved[:, -2])
            part /= norms[place, None]
            part[:, -1] = 1.0
