"""The concentration κ of the von Mises–Fisher distribution: how tightly unit vectors lie around one direction.

Density ∝ exp(κ m·u) on the sphere in R^d; κ solves A_d(κ) = R with A_d(κ) = I_{d/2}(κ)/I_{d/2−1}(κ). Ready-made fits
divide two Bessel functions that underflow in hundreds of dimensions; their ratio does not.
"""

from __future__ import annotations

import math

from sphering.geometry.angles import NO_PAIR, mean_cosine
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.moments import Moments

_TERMS = 1000
_SAME = 1e-6
_NEAR = 0.9999


def mean_resultant(kappa: float, dimension: int) -> float:
    """Return A_d(κ), the mean of m·u, for κ >= 0.

    Backward recurrence r_j = 1/((d + 2j)/κ + r_{j+1}) of the ratios r_j = I_{d/2+j}/I_{d/2+j−1}, from Amos' (1974)
    bound at j = 1000, whose error each step shrinks.
    """
    if kappa == 0.0:
        return 0.0
    order = dimension / 2.0 + _TERMS - 0.5
    ratio = kappa / (order + math.hypot(order, kappa))
    for step in range(_TERMS - 1, -1, -1):
        ratio = 1.0 / ((dimension + 2.0 * step) / kappa + ratio)
    return ratio


def concentration(resultant: float, dimension: int) -> float:
    """Return κ with A_d(κ) = R by Newton's method, for 0 <= R < 1.

    From R(d − R²)/(1 − R²) (Banerjee et al. 2005), within 0.3 % of it; A' = 1 − A² − (d − 1)A/κ, whose digits cancel
    near A = 1, where it tends to (1 − A)/κ.
    """
    if resultant == 0.0:
        return 0.0
    kappa = resultant * (dimension - resultant**2) / (1.0 - resultant**2)
    for _ in range(50):
        ratio = mean_resultant(kappa, dimension)
        limit = (1.0 - ratio) / kappa
        slope = limit if ratio > _NEAR else 1.0 - ratio**2 - (dimension - 1.0) * ratio / kappa
        step = (ratio - resultant) / slope
        kappa = max(kappa - step, kappa / 2.0)
        if abs(step) <= 1e-13 * kappa:
            break
    return kappa


def vmf_kappa(moments: Moments) -> Estimate:
    """Return κ of the unit vectors, with R² = m1, the mean cosine: ‖s‖/n itself does not vanish for random directions.

    Its interval is that of the mean cosine, under the same map.
    """
    mean = mean_cosine(moments)
    if mean.value is None:
        return undefined(NO_PAIR, moments.n)
    if moments.dimension < 2:
        return undefined("one dimension has no sphere", moments.n)
    if mean.value <= 0.0:
        return undefined("the mean cosine is not above 0: no direction is preferred", moments.n)
    if mean.value >= 1.0 - _SAME:
        return undefined("all vectors have one direction: the concentration has no bound", moments.n)
    interval = None
    if mean.interval is not None:
        low, high = (min(max(end, 0.0), 1.0 - _SAME) for end in mean.interval)
        interval = (_of_mean_cosine(low, moments.dimension), _of_mean_cosine(high, moments.dimension))
    return exact(_of_mean_cosine(mean.value, moments.dimension), moments.n, interval)


def _of_mean_cosine(mean: float, dimension: int) -> float:
    return concentration(math.sqrt(mean), dimension)
