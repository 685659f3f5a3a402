"""How far two series of numbers are in the same order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined
from sphering.geometry.gram import Array

_LEAST = 4  # the standard error divides by n − 3


def average_ranks(values: NDArray[Any]) -> Array:
    """Return the ranks of (n,) numbers from 1 on, as (n,) float64; equal numbers share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2.0)[inverse])


def spearman(left: NDArray[Any], right: NDArray[Any]) -> float | None:
    """Return Spearman's rank correlation of two (n,) series of finite numbers; None where one of them has no order.

    Pearson's correlation of the ranks, ties at the mean of their ranks (Spearman 1904).
    """
    if len(left) < 2:
        return None
    first, second = average_ranks(left), average_ranks(right)
    first, second = first - first.mean(), second - second.mean()
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return float(np.clip(float(first @ second) / scale, -1.0, 1.0)) if scale > 0.0 else None


def spearman_estimate(left: NDArray[Any], right: NDArray[Any]) -> Estimate:
    """Return Spearman's rank correlation with a 95 % interval.

    The interval is Fisher's, tanh(artanh ρ ± 1.96 √((1 + ρ²/2)/(n − 3))), with the standard error for ranks of Bonett &
    Wright 2000. There is none below 4 pairs and at ρ = ±1, where artanh has no value.

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        Finite numbers.
    """
    n = len(left)
    if n < 2:
        return undefined("fewer than two pairs have no order", n)
    value = spearman(left, right)
    if value is None:
        same = "cosine" if len(np.unique(left)) == 1 else "score"
        return undefined(f"every {same} is the same: there is no order", n)
    if n < _LEAST or abs(value) >= 1.0:
        return exact(value, n)
    centre = math.atanh(value)
    half = NORMAL_95 * math.sqrt((1.0 + value**2 / 2.0) / (n - 3))
    return exact(value, n, (math.tanh(centre - half), math.tanh(centre + half)))
