"""What the cosines of all n(n−1)/2 pairs say, exactly, from the sum s and the Gram matrix G of the unit vectors.

    m1 = mean cos  = (‖s‖² − n)/(n(n−1))          m2 = mean cos² = (‖G‖_F² − n)/(n(n−1))

Source: expansion of the double sums; agrees with brute force to 1e-16. The mean cosine is the anisotropy of
Ethayarajh (2019), over all pairs instead of 1,000 sampled ones. With weights a pair counts w w' times: n(n − 1) is then
W² − Σw², and n is Σw² beside the squared norms.
"""

from __future__ import annotations

import math

import numpy as np

from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined
from sphering.geometry.moments import Moments

_EQUAL_COSINES = 1e-13
INTERVAL_FROM = 30
NO_PAIR = "fewer than two usable vectors: there is no pair"
ONE_PAIR = "fewer than three usable vectors: one pair has no spread"


def mean_cosine(moments: Moments) -> Estimate:
    """Return the mean cosine m1 over all pairs, with its 95 % interval m1 ± 1.96 SE as an estimate of the corpus'.

    Below 30 vectors there is no interval: of three to ten draws of a normal law, one of 56 to 85 % would hold.
    """
    if moments.n < 2 or moments.one_has_all:
        return undefined(NO_PAIR, moments.n)
    first, _ = _pair_means(moments)
    error = mean_cosine_error(moments)
    if error is None or moments.effective_n < INTERVAL_FROM:
        return exact(first, moments.n)
    return exact(first, moments.n, (max(first - NORMAL_95 * error, -1.0), min(first + NORMAL_95 * error, 1.0)))


def mean_cosine_error(moments: Moments) -> float | None:
    """Return the standard error of the mean cosine as a U-statistic of order two; None below three vectors.

    SE² = 4 z1/n · (n−2)/(n−1) + 2(m2 − m1²)/(n(n−1)) with z1 = ū'Mū − ‖ū‖⁴, ū = s/n, M = G/n (Hoeffding 1948);
    with weights, n is the effective number of vectors.
    """
    n = moments.effective_n
    if n < 3:
        return None
    first, second = _pair_means(moments)
    centre = moments.unit_sum / moments.weight
    projection = max(float(centre @ (moments.unit_gram / moments.weight) @ centre) - float(centre @ centre) ** 2, 0.0)
    pairs = max(second - first**2, 0.0)
    return math.sqrt(4.0 * projection / n * (n - 2) / (n - 1) + 2.0 * pairs / (n * (n - 1)))


def cosine_variance(moments: Moments) -> Estimate:
    """Return the variance m2 − m1² of the cosine over all pairs; 1/d for random directions."""
    if moments.n < 3 or moments.one_has_all:
        return undefined(ONE_PAIR, moments.n)
    return exact(_variance(moments), moments.n)


def mean_norm(moments: Moments) -> Estimate:
    """Return R = ‖s‖/n, the norm of the mean unit vector; R² = m1 + (1 − m1)/n, so it does not vanish at random."""
    if moments.n < 1:
        return undefined("no usable vector", moments.n)
    return exact(min(float(np.linalg.norm(moments.unit_sum)) / moments.weight, 1.0), moments.n)


def effective_dimension(moments: Moments) -> Estimate:
    """Return 1/Var(cos): the dimension of a sphere on which random directions have cosines of this spread."""
    if moments.n < 3 or moments.one_has_all:
        return undefined(ONE_PAIR, moments.n)
    variance = _variance(moments)
    if variance <= _EQUAL_COSINES:
        return undefined("all cosines are equal up to rounding", moments.n)
    return exact(1.0 / variance, moments.n)


def effective_dimension_uncentred(moments: Moments) -> Estimate:
    """Return 1/m2, the participation ratio of the unit vectors' uncentred second moment, free of sample-size bias."""
    if moments.n < 2 or moments.one_has_all:
        return undefined(NO_PAIR, moments.n)
    _, second = _pair_means(moments)
    if second <= _EQUAL_COSINES:
        return undefined("all pairs are orthogonal up to rounding", moments.n)
    return exact(1.0 / second, moments.n)


def mean_square_cosine(moments: Moments) -> float | None:
    """Return m2, the mean of cos² over all pairs; None below two vectors."""
    return None if moments.n < 2 else _pair_means(moments)[1]


def _variance(moments: Moments) -> float:
    """Return m2 − m1², 0 where it is nothing but rounding."""
    first, second = _pair_means(moments)
    variance = second - first**2
    return variance if variance > 1e-15 * max(second, 1e-300) else 0.0


def _pair_means(moments: Moments) -> tuple[float, float]:
    """Return m1 and m2, kept in the ranges that they have by definition."""
    pairs, own = moments.pair_weight, moments.squared_weights
    total = moments.unit_sum
    first = (float(total @ total) - own) / pairs
    second = (float(np.sum(moments.unit_gram**2)) - own) / pairs
    return min(max(first, -1.0), 1.0), min(max(second, 0.0), 1.0)
