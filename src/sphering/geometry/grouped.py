"""Sums of unit vectors by group, such as the documents of each label: mergeable, and exact over all their pairs.

For a group g of n_g unit vectors with the sum s_g, Σ cos over its ordered pairs of different vectors is ‖s_g‖² − n_g;
with s = Σ s_g, that over pairs of different groups is ‖s‖² − Σ‖s_g‖² (expansion of the double sums).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.products import self_product

NO_GROUP = -1
_BLOCK_ROWS = 8192
NO_LABEL = "no document has a label and a direction"
ONE_LABEL = "all documents with a label have the same one"
ALL_DIFFER = "no two documents have the same label"
Groups = NDArray[np.int64]


@dataclass
class GroupedSums:
    """Number n_g and sum s_g of the unit vectors of each group, and the Gram matrix of those in none.

    Memory: 8 G d bytes, and 8 d² where the Gram matrix is wanted.

    Parameters
    ----------
    counts : ndarray, shape (G,), int64
    sums : ndarray, shape (G, d), float64
    outside : ndarray, shape (d, d), float64, or None
        Σ u u' of the vectors in no group; None where it is not wanted.
    """

    counts: NDArray[np.int64]
    sums: Array
    outside: Array | None = field(default=None)

    @classmethod
    def empty(cls, groups: int, dimension: int, *, outside: bool = False) -> GroupedSums:
        """Return the sums of no vectors."""
        gram = np.zeros((dimension, dimension)) if outside else None
        return cls(np.zeros(groups, np.int64), np.zeros((groups, dimension)), gram)

    def update(self, units: Array, groups: Groups) -> None:
        """Count unit vectors in, by blocks of 8192 rows and in the order of the rows within each.

        Parameters
        ----------
        units : ndarray, shape (n, d), float64
        groups : ndarray, shape (n,), int64
            From 0 to G − 1; `NO_GROUP` for a vector of none.
        """
        for start in range(0, len(units), _BLOCK_ROWS):
            self._add(units[start : start + _BLOCK_ROWS], groups[start : start + _BLOCK_ROWS])

    def _add(self, units: Array, groups: Groups) -> None:
        from scipy.sparse import csr_array

        inside = np.flatnonzero(groups != NO_GROUP)
        shape = (len(self.counts), len(units))
        self.sums += csr_array((np.ones(len(inside)), (groups[inside], inside)), shape=shape) @ units
        self.counts += np.bincount(groups[inside], minlength=len(self.counts))
        if self.outside is not None and len(inside) < len(units):
            self.outside += self_product(units[groups == NO_GROUP])

    def merge(self, other: GroupedSums) -> GroupedSums:
        """Return the sums over both sets of vectors, which have the same groups; merge in a fixed order for fixed bits.

        Raises
        ------
        InputError
            If they have other numbers of groups or dimensions.
        """
        if self.sums.shape != other.sums.shape:
            raise InputError(f"sums of shape {other.sums.shape}", expected=f"{self.sums.shape}")
        both = self.outside is not None and other.outside is not None
        outside = np.add(self.outside, other.outside) if both else None  # type: ignore[arg-type]  # neither is None
        return GroupedSums(self.counts + other.counts, self.sums + other.sums, outside)

    @property
    def n(self) -> int:
        """Number of vectors in groups."""
        return int(self.counts.sum())

    @property
    def squares(self) -> Array:
        """‖s_g‖² of each group, shape (G,)."""
        return np.asarray(np.vecdot(self.sums, self.sums))


def cosine_within(sums: GroupedSums) -> Estimate:
    """Return the mean cosine over all pairs of vectors of the same group, each pair counted once."""
    if sums.n == 0:
        return undefined(NO_LABEL)
    counts = sums.counts
    pairs = float(np.sum(counts * (counts - 1.0)))
    if pairs == 0.0:
        return undefined(ALL_DIFFER, sums.n)
    paired = counts > 1
    return exact(_cosine(float(np.sum((sums.squares - counts)[paired])) / pairs), sums.n)


def cosine_between(sums: GroupedSums) -> Estimate:
    """Return the mean cosine over all pairs of vectors of different groups, each pair counted once."""
    if sums.n == 0:
        return undefined(NO_LABEL)
    if np.count_nonzero(sums.counts) < 2:
        return undefined(ONE_LABEL, sums.n)
    total = sums.sums.sum(axis=0)
    pairs = float(sums.n) ** 2 - float(np.sum(sums.counts.astype(float) ** 2))
    return exact(_cosine((float(total @ total) - float(np.sum(sums.squares))) / pairs), sums.n)


def cosine_gap(sums: GroupedSums) -> Estimate:
    """Return the mean cosine within groups less that between them: what the common direction of all does not lift."""
    within, between = cosine_within(sums), cosine_between(sums)
    if within.value is None:
        return within
    return between if between.value is None else exact(within.value - between.value, sums.n)


def _cosine(value: float) -> float:
    return min(max(value, -1.0), 1.0)
