"""The cosines of the same pairs in two spaces: whether they rank alike, and which thresholds mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.directions import nonzero_unit_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.jackknife import Kept, jackknife_interval

THRESHOLDS = (0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Threshold:
    """A cosine of the first space, and the one of the second that as many pairs reach.

    Parameters
    ----------
    cosine : float
        In the first space.
    share : Estimate
        Of the pairs that reach it there; n counts pairs.
    equivalent : Estimate
        The cosine that this share of the pairs reaches in the second space; n counts pairs.
    """

    cosine: float
    share: Estimate
    equivalent: Estimate


class PairedCosines:
    """The cosines of all pairs of rows in two spaces.

    Parameters
    ----------
    left, right : ndarray, shapes (n, d) and (n, d')
        Finite rows that belong together, none of them zero. Memory: 24 n² bytes, and as much while it measures.

    Raises
    ------
    InputError
        If the numbers of rows differ, or a row is zero or not finite.
    """

    def __init__(self, left: NDArray[Any], right: NDArray[Any]) -> None:
        units = [nonzero_unit_rows(vectors) for vectors in (left, right)]
        if not len(left) == len(right) == len(units[0]) == len(units[1]):
            raise InputError(
                f"{len(left)} and {len(right)} rows, of which {len(units[0])} and {len(units[1])} are not zero",
                expected="rows that belong together, and that have a direction in both spaces",
            )
        self.n = len(left)
        with one_blas_thread():
            self._squares = [np.clip(rows @ rows.T, -1.0, 1.0) for rows in units]

    def rank_correlation(self) -> Estimate:
        """Return Spearman's correlation of the cosines: representational similarity analysis (Kriegeskorte 2008).

        Ties share their mean rank; n counts vectors. The interval is the jackknife's over vectors, since pairs that
        share one are not independent.
        """
        if self.n < 3:
            return undefined("fewer than three vectors: one pair ranks nothing", self.n)
        value = self._spearman(np.arange(self.n))
        if value is None:
            return undefined("all cosines of a space are equal", self.n)
        return exact(value, self.n, jackknife_interval(value, self._spearman, self.n, (-1.0, 1.0)))

    def thresholds(self, cosines: Sequence[float] = THRESHOLDS) -> list[Threshold]:
        """Return for each cosine of the first space the one that the same share of pairs reaches in the second."""
        return [self._threshold(cosine) for cosine in cosines]

    def _threshold(self, cosine: float) -> Threshold:
        first, second = self._pairs(np.arange(self.n))
        pairs, reached = len(first), int(np.sum(first >= cosine))
        if pairs == 0:
            missing = undefined("fewer than two vectors: there is no pair")
            return Threshold(cosine, missing, missing)
        held = jackknife_interval(reached / pairs, lambda kept: self._share(kept, cosine), self.n, (0.0, 1.0))
        share = exact(reached / pairs, pairs, held)
        if reached in (0, pairs):
            words = "no pair reaches" if reached == 0 else "every pair reaches"
            return Threshold(cosine, share, undefined(f"{words} a cosine of {cosine:g}", pairs))
        value = _kth_largest(second, reached)
        interval = jackknife_interval(value, lambda kept: self._equivalent(kept, cosine), self.n, (-1.0, 1.0))
        if interval is None:
            few = f"{reached:,} of {pairs:,} pairs reach a cosine of {cosine:g}: too few to say what they come to"
            return Threshold(cosine, share, undefined(few, pairs))
        return Threshold(cosine, share, exact(value, pairs, interval))

    def _share(self, kept: Kept, cosine: float) -> float:
        return float(np.mean(self._pairs(kept)[0] >= cosine))

    def _equivalent(self, kept: Kept, cosine: float) -> float | None:
        first, second = self._pairs(kept)
        reached = int(np.sum(first >= cosine))
        return None if reached in (0, len(first)) else _kth_largest(second, reached)

    def _spearman(self, kept: Kept) -> float | None:
        upper = np.triu_indices(len(kept), 1)
        first, second = (_mean_ranks(places[kept[upper[0]], kept[upper[1]]]) for places in self._places)
        spread = float(np.sqrt(first @ first) * np.sqrt(second @ second))
        return None if spread == 0.0 else min(max(float(first @ second) / spread, -1.0), 1.0)

    @cached_property
    def _places(self) -> list[NDArray[np.int32]]:
        """The place of each pair's cosine among the different ones, ascending, (n, n): they are sorted once."""
        return [_places(square) for square in self._squares]

    def _pairs(self, kept: Kept) -> list[Array]:
        upper = np.triu_indices(len(kept), 1)
        return [square[kept[upper[0]], kept[upper[1]]] for square in self._squares]


def _kth_largest(values: Array, k: int) -> float:
    place = len(values) - k
    return float(np.partition(values, place)[place])


def _places(square: Array) -> NDArray[np.int32]:
    upper = np.triu_indices(len(square), 1)
    _, inverse = np.unique(square[upper], return_inverse=True)
    places = np.zeros(square.shape, np.int32)
    places[upper] = inverse
    return places


def _mean_ranks(places: NDArray[np.int32]) -> Array:
    """Return the ranks of numbers from their places, ties by their mean, less the mean of all ranks."""
    counts = np.bincount(places)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    return np.asarray(ranks[places] - (len(places) + 1) / 2.0)
