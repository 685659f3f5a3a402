"""The smallest and the largest of many numbers, a few of each: so that they are known still when some are taken out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from sphering.geometry.gram import Array

KEPT = 256


@dataclass(frozen=True)
class Extremes:
    """Of n numbers the up to 256 smallest and the up to 256 largest, both ascending."""

    n: int
    lowest: Array
    highest: Array

    @classmethod
    def of(cls, values: Array) -> Extremes:
        """Return those of some numbers, shape (n,)."""
        if len(values) <= KEPT:
            ordered = np.sort(values)
            return cls(len(values), ordered, ordered)
        lowest = np.sort(np.partition(values, KEPT - 1)[:KEPT])
        highest = np.sort(np.partition(values, len(values) - KEPT)[-KEPT:])
        return cls(len(values), lowest, highest)

    @classmethod
    def untold(cls, n: int) -> Extremes:
        """Return those of n numbers of which none is known."""
        return cls(n, np.empty(0), np.empty(0))

    @property
    def range(self) -> tuple[float, float] | None:
        """The smallest and the largest; None where there are none, or none is known."""
        return (float(self.lowest[0]), float(self.highest[-1])) if len(self.lowest) else None

    def plus(self, other: Extremes) -> Extremes:
        """Return those of both sets of numbers."""
        lowest = np.sort(np.concatenate([self.lowest, other.lowest]))[:KEPT]
        highest = np.sort(np.concatenate([self.highest, other.highest]))[-KEPT:]
        return Extremes(self.n + other.n, lowest, highest)

    def minus(self, part: Extremes) -> Extremes | None:
        """Return those of these numbers without some of them, or None where the kept ones do not tell."""
        n = self.n - part.n
        lowest = _left((self.n, self.lowest), (part.n, part.lowest))
        highest = _left((self.n, -self.highest[::-1]), (part.n, -part.highest[::-1]))
        if lowest is None or highest is None:
            return None
        return Extremes(n, lowest, -highest[::-1])


def _left(whole: tuple[int, Array], part: tuple[int, Array]) -> Array | None:
    """Return the smallest that are left of a set, from the smallest of the set and of the part that goes, ascending.

    Where more of the set is not kept, what equals the last kept one is left out: others may equal it.
    """
    (n, kept), (gone_n, gone) = whole, part
    known = kept if len(kept) == n else kept[kept < kept[-1]]
    if len(known) == 0:
        return known if n == gone_n else None
    taken = gone[gone <= known[-1]]
    if len(taken) == len(gone) < gone_n:  # the part may have more of them
        return None
    left = Counter(known.tolist())
    left.subtract(taken.tolist())
    if min(left.values()) < 0:
        return None
    values = np.array(sorted(left.elements()))
    return values if len(values) or n == gone_n else None
