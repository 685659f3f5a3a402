"""Power sums of a set of vectors up to order four, kept as one Gram matrix that merges exactly.

With y = x − pivot and w = ‖y‖², the rows a = (y, w, 1) have the Gram matrix

    A'A = [[Σ y y',  Σ w y,  Σ y ],
           [Σ w y',  Σ w²,   Σ w ],
           [Σ y',    Σ w,    n   ]]

which holds all of n, mean, scatter, Σ‖y‖²y and Σ‖y‖⁴ (reference: Chan, Golub & LeVeque 1983 for the scatter). One
symmetric rank-k update a block makes it; another pivot is a congruence T' A'A T. Rows scaled by the roots of weights
give the same sums with each row counted as often as its weight says; the corner is then the sum of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gram:
    """The Gram matrix of the rows (x − pivot, ‖x − pivot‖², 1), each scaled by the root of its weight.

    Parameters
    ----------
    pivot : ndarray, shape (d,), float64
    matrix : ndarray, shape (d + 2, d + 2), float64
    """

    pivot: Array
    matrix: Array

    @property
    def weight(self) -> float:
        """Sum of the rows' weights: their number where each counts once; 0 where there are none."""
        return float(self.matrix[-1, -1])

    @property
    def mean(self) -> Array:
        """Mean of the rows, shape (d,); the pivot where there are none."""
        d = len(self.pivot)
        return self.pivot + self.matrix[:d, -1] / (self.weight or 1.0)

    @property
    def mean_square(self) -> float:
        """E‖x‖²; 0 where there are no rows."""
        d = len(self.pivot)
        total = self.matrix[d, -1] + 2.0 * (self.pivot @ self.matrix[:d, -1]) + self.weight * (self.pivot @ self.pivot)
        return float(max(total, 0.0)) / (self.weight or 1.0)

    @cached_property
    def centred(self) -> Gram:
        """The same sums about the mean: C2 = Σ(x − mean)(x − mean)', Σ‖x − mean‖⁴ and so on."""
        return self.about(self.mean)

    @one_blas_thread()
    def about(self, pivot: Array) -> Gram:
        """Return the same sums about another pivot.

        With δ = pivot_old − pivot_new: y' = y + δ and w' = w + 2 δ·y + ‖δ‖², so columns and then rows of A'A are
        combined alike.
        """
        delta = self.pivot - pivot
        columns = _shift_columns(self.matrix, delta)
        shifted = np.ascontiguousarray(_shift_columns(np.ascontiguousarray(columns.T), delta))
        return Gram(pivot, (shifted + shifted.T) / 2.0)

    def plus(self, other: Gram) -> Gram:
        """Return the sums over both sets of rows, about their common mean."""
        weight = self.weight + other.weight
        if weight == 0.0:
            return self
        mean = self.mean + (other.mean - self.mean) * (other.weight / weight)
        return Gram(mean, self.about(mean).matrix + other.about(mean).matrix)

    def minus(self, part: Gram) -> Gram:
        """Return the sums without those of a part of the rows; digits are lost as the part nears the whole."""
        return Gram(self.pivot, self.matrix - part.about(self.pivot).matrix)


def _shift_columns(matrix: Array, delta: Array) -> Array:
    """Return the Gram matrix after its columns (y, w, 1) became (y + δ, w + 2 δ·y + ‖δ‖², 1)."""
    d = len(delta)
    shifted = matrix.copy()
    shifted[:, :d] += np.outer(matrix[:, -1], delta)
    shifted[:, d] += 2.0 * (matrix[:, :d] @ delta) + (delta @ delta) * matrix[:, -1]
    return shifted
