"""Rogue dimensions: the few coordinates that make up most of the mean cosine (Timkey & van Schijndel 2021).

The mean cosine over all pairs is a sum over coordinates, exactly, from the sum s and the Gram matrix G of unit vectors:

    A_j = (s_j² − G_jj)/(n(n−1)),    Σ_j A_j = m1
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.angles import NO_PAIR, mean_cosine, mean_cosine_error
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments

TOP_SHARE = 3
_WEIGHTED = "moments of weighted vectors do not tell what each coordinate contributes"
_CANCELLED = "the contributions of the dimensions nearly cancel: a share of a mean cosine near 0 says nothing"


def contributions(moments: Moments) -> Array | None:
    """Return A_j of each coordinate, (d,): their sum is the mean cosine; None below two vectors, or under weights.

    Of weighted vectors Σw²u_j² would be needed, which moments do not have.
    """
    n = moments.n
    if n < 2 or moments.squared_weights != n:
        return None
    return np.asarray((moments.unit_sum**2 - np.diagonal(moments.unit_gram)) / (n * (n - 1.0)))


def largest(found: Array, count: int) -> NDArray[np.int64]:
    """Return the coordinates with the largest contributions, descending; of equal ones the lower first."""
    return np.argsort(-found, kind="stable")[:count]


def rogue_share(moments: Moments) -> Estimate:
    """Return the share of the mean cosine that its three largest contributions make up.

    Undefined where the mean cosine is within two standard errors of 0, or is less than half of Σ|A_j|: the share then
    divides by what is left of numbers that cancel.
    """
    found = contributions(moments)
    if found is None:
        return undefined(NO_PAIR if moments.n < 2 else _WEIGHTED, moments.n)
    mean = mean_cosine(moments).value or 0.0
    if mean <= max(2.0 * (mean_cosine_error(moments) or 0.0), 0.5 * float(np.abs(found).sum())):
        return undefined(_CANCELLED, moments.n)
    return exact(float(found[largest(found, TOP_SHARE)].sum()) / mean, moments.n)
