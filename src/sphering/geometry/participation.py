"""Participation ratio and IsoScore: how many directions share the variance.

PR = (tr S)²/‖S‖_F², between 1 and d; IsoScore (Rudman et al. 2022) is exactly (PR − 1)/(d − 1). Both need no
eigendecomposition. From n vectors PR is biased down, to about d/(1 + d/n) for isotropic data, so snapshots of different
n compare by the unbiased form.
"""

from __future__ import annotations

import numpy as np

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import NO_COVARIANCE, NO_VARIANCE, has_variance

ONE_DIMENSION = "one dimension has no isotropy"


def covariance_participation(covariance: Array) -> float:
    """Return (tr S)²/‖S‖_F² of a known covariance that is not zero."""
    scaled = covariance / np.abs(covariance).max()
    return float(np.trace(scaled) ** 2 / np.sum(scaled**2))


def participation_ratio(moments: Moments) -> Estimate:
    """Return the participation ratio of the sample covariance."""
    if moments.n < 2:
        return undefined(NO_COVARIANCE, moments.n)
    if not has_variance(moments):
        return undefined(NO_VARIANCE, moments.n)
    return exact(covariance_participation(moments.covariance), moments.n)


def participation_ratio_unbiased(moments: Moments) -> Estimate:
    """Return the ratio of unbiased estimates of (tr Σ)² and tr Σ² (Himeno & Yamada 2014), for any distribution.

    With Q = Σ‖x − x̄‖⁴/(n−1) and c = (n−1)/(n(n−2)(n−3)):
    tr Σ² ≈ c[(n−1)(n−2) tr S² + (tr S)² − nQ];  (tr Σ)² ≈ c[2 tr S² + (n² − 3n + 1)(tr S)² − nQ].
    """
    n = moments.n
    if n < 4:
        return undefined("the unbiased form needs four usable vectors", n)
    if moments.squared_weights != n:
        return undefined("the unbiased form is of vectors that each count once", n)
    if not has_variance(moments):
        return undefined(NO_VARIANCE, n)
    covariance = moments.covariance
    trace = float(np.trace(covariance))
    squares = float(np.sum(covariance**2)) / trace**2
    fourth = moments.fourth_central / (n - 1) / trace**2
    of_squares = (n - 1) * (n - 2) * squares + 1.0 - n * fourth
    of_trace = 2.0 * squares + (n * n - 3 * n + 1) - n * fourth
    if of_squares <= 0.0 or of_trace <= 0.0:
        return undefined("too few vectors: the unbiased estimate of tr Σ² is not positive", n)
    return exact(of_trace / of_squares, n)


def isoscore(moments: Moments) -> Estimate:
    """Return IsoScore of the sample: 0 for a line, 1 for equal variances in every direction."""
    return _isoscore(participation_ratio(moments), moments.dimension)


def isoscore_unbiased(moments: Moments) -> Estimate:
    """Return IsoScore from the unbiased participation ratio; it may exceed 1 by its standard error."""
    return _isoscore(participation_ratio_unbiased(moments), moments.dimension)


def _isoscore(participation: Estimate, dimension: int) -> Estimate:
    if participation.value is None:
        return participation
    if dimension < 2:
        return undefined(ONE_DIMENSION, participation.n)
    return exact((participation.value - 1.0) / (dimension - 1), participation.n)
