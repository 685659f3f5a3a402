"""How many of many numbers from −1 to 1 lie below a point, without sorting them.

They are counted in cells of a lattice. Scaling by a power of two is exact, so a number is in its cell to the last bit,
and the rank of a point needs the numbers of its cell alone. For 12.5 million cosines that takes a fifth of the time of
a sort.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.gram import Array

Counts = NDArray[np.int64]
CELLS_A_UNIT = 1 << 16
CELLS = 2 * CELLS_A_UNIT
_BLOCK = 1 << 20


def lattice() -> Array:
    """Return the lower ends of the cells and 1, shape (2^17 + 1,), exact in float64."""
    return np.arange(-CELLS_A_UNIT, CELLS_A_UNIT + 1) / CELLS_A_UNIT


class Ranks:
    """The ranks of points among numbers.

    Parameters
    ----------
    values : ndarray, shape (n,), float64
        From −1 to 1, in any order; kept, not copied.

    Attributes
    ----------
    n : int
    before, upto : ndarray, shape (2^17 + 1,), int64
        How many are less than each lattice point, and at most it.
    """

    def __init__(self, values: Array) -> None:
        self._values = values
        self.n = len(values)
        counts = np.zeros(CELLS + 1, np.int64)
        equal = np.zeros(CELLS + 1, np.int64)
        for block in self._blocks():
            scaled = block * CELLS_A_UNIT
            low = np.floor(scaled)
            cells = low.astype(np.int64) + CELLS_A_UNIT
            counts += np.bincount(cells, minlength=CELLS + 1)
            equal += np.bincount(cells[low == scaled], minlength=CELLS + 1)
        self._counts = counts
        self.before = np.cumsum(counts) - counts
        self.upto = self.before + equal

    def within(self, cells: NDArray[np.bool_]) -> Array:
        """Return the numbers in some cells, sorted; a cell holds its lower end.

        Parameters
        ----------
        cells : ndarray, shape (2^17 + 1,), bool
        """
        parts = [block[cells[_cells(block)]] for block in self._blocks()]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0)

    def below(self, points: Array) -> Counts:
        """Return how many are less than each of a few points from −1 to 1."""
        cells = _cells(points)
        wanted = np.zeros(CELLS + 1, bool)
        wanted[cells] = True
        inside = self.within(wanted)
        taken = np.where(wanted, self._counts, 0)
        earlier = np.cumsum(taken) - taken
        ranks: Counts = self.before[cells] - earlier[cells] + np.searchsorted(inside, points, side="left")
        return ranks

    def _blocks(self) -> Iterator[Array]:
        for start in range(0, self.n, _BLOCK):
            yield self._values[start : start + _BLOCK]


def _cells(values: Array) -> Counts:
    return np.floor(values * CELLS_A_UNIT).astype(np.int64) + CELLS_A_UNIT
