"""The sums that moments are made of: of raw vectors, of their unit vectors, and of their weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sphering.geometry.gram import Array, Gram


@dataclass(frozen=True)
class Sums:
    """What is added up over weighted rows, each row counted w times.

    Parameters
    ----------
    gram : Gram
        Power sums of the raw rows about a pivot.
    unit : ndarray, shape (d + 1, d + 1), float64
        Gram matrix Σ w (u, 1)(u, 1)' of the unit vectors u.
    norm : float
        Σ w ‖x‖.
    squares : float
        Σ w².
    """

    gram: Gram
    unit: Array
    norm: float
    squares: float

    @classmethod
    def empty(cls, dimension: int) -> Sums:
        """Return the sums over no rows."""
        gram = Gram(np.zeros(dimension), np.zeros((dimension + 2, dimension + 2)))
        return cls(gram, np.zeros((dimension + 1, dimension + 1)), 0.0, 0.0)

    def plus(self, other: Sums) -> Sums:
        """Return the sums over both sets of rows."""
        gram, unit = self.gram.plus(other.gram), self.unit + other.unit
        return Sums(gram, unit, self.norm + other.norm, self.squares + other.squares)

    def minus(self, part: Sums) -> Sums:
        """Return the sums without those of a part of the rows; digits are lost as the part nears the whole."""
        gram, unit = self.gram.minus(part.gram), self.unit - part.unit
        return Sums(gram, unit, self.norm - part.norm, self.squares - part.squares)
