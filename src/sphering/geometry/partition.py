"""The partition function Z(c) = Σ_i exp(c·x_i) over directions c: equal in all of them for isotropic vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined
from sphering.geometry.gram import Array

_COLUMNS = 64


def partition_isotropy(vectors: NDArray[Any], directions: Array) -> Estimate:
    """Return I = min Z(c)/max Z(c) over the directions and their opposites (Mu & Viswanath 2018).

    The sign of an eigenvector is arbitrary and Z(c) is not Z(−c): hence both. Depends on the scale of the vectors:
    norms of 1 push it towards 1. The interval, for other vectors of the kind, is that of the ratio of the means of
    exp(c·x) in the two directions found (delta method on its logarithm), further above where others come near them.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Finite rows.
    directions : ndarray, shape (d, m)
        Unit vectors as columns: the eigenvectors of X'X. Time is O(n d m).
    """
    n = len(vectors)
    if n == 0:
        return undefined("no usable vector")
    wide = vectors.astype(np.float64)
    with one_blas_thread(), np.errstate(under="ignore"):
        logarithms = _log_partitions(wide, directions)
        low, high = int(np.argmin(logarithms)), int(np.argmax(logarithms))
        error = _relative_error([wide @ _signed(directions, each) for each in (low, high)])
    ratio = float(logarithms[low] - logarithms[high])
    above = min(ratio + _rivals_normal(logarithms, error) * error, 0.0)
    interval = (math.exp(ratio - NORMAL_95 * error), math.exp(above))
    return exact(math.exp(ratio), n, interval if n > 1 else None)


def _rivals_normal(logarithms: Array, error: float) -> float:
    """Return how many standard errors the ratio may lie above what was found.

    The least of many sums that are all about equal is too low by chance, as the largest is too high. So the bound
    holds for all pairs of directions at once that are within four errors of the pair found (Bonferroni).
    """
    from scipy.special import ndtri

    reach = 4.0 * error
    pairs = np.sum(logarithms <= logarithms.min() + reach) * np.sum(logarithms >= logarithms.max() - reach)
    return float(ndtri(1.0 - 0.025 / float(pairs)))


def _log_partitions(wide: Array, directions: Array) -> Array:
    """Return log Z(c) of each direction, and then of each opposite one, (2 m,)."""
    m = directions.shape[1]
    found = np.empty(2 * m)
    for start in range(0, m, _COLUMNS):
        part = wide @ directions[:, start : start + _COLUMNS]
        stop = start + part.shape[1]
        found[start:stop] = _log_sum(part)
        found[m + start : m + stop] = _log_sum(-part)
    return found


def _log_sum(exponents: Array) -> Array:
    """Return log Σ exp of each column."""
    largest = exponents.max(axis=0)
    return np.asarray(largest + np.log(np.exp(exponents - largest).sum(axis=0)))


def _signed(directions: Array, position: int) -> Array:
    m = directions.shape[1]
    return directions[:, position] if position < m else -directions[:, position - m]


def _relative_error(exponents: list[Array]) -> float:
    """Return the standard error of the logarithm of a ratio of two means of exp over the same rows."""
    low, high = (np.exp(each - each.max()) for each in exponents)
    difference = low / low.mean() - high / high.mean()
    return float(np.sqrt(np.mean(difference**2) / len(difference)))
