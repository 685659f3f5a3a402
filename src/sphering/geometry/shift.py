"""How far the mean of one set of vectors lies from that of another."""

from __future__ import annotations

import math

import numpy as np

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import NO_COVARIANCE, NO_VARIANCE, has_variance

NO_DIRECTION = "a mean that is zero up to its error has no direction"


def mean_shift(before: Moments, after: Moments) -> Estimate:
    """Return ‖μ' − μ‖/√tr S_w: the way between two means in units of the spread within the sets.

    S_w is the pooled covariance ((n − 1) S + (n' − 1) S')/(n + n' − 2). Two samples of one population give about
    √(1/n + 1/n').
    """
    n = before.n + after.n
    if min(before.n, after.n) < 2:
        return undefined(NO_COVARIANCE, n)
    if not (has_variance(before) or has_variance(after)):
        return undefined(NO_VARIANCE, n)
    within = sum((each.n - 1) * float(np.trace(each.covariance)) for each in (before, after)) / (n - 2)
    return exact(float(np.linalg.norm(after.mean - before.mean)) / math.sqrt(within), n)


def mean_shift_cosine(before: Moments, after: Moments) -> Estimate:
    """Return the cosine of the two means: 1 where they point the same way.

    Not defined where a mean is no longer than its own standard error √(tr S/n), as after centring.
    """
    n = before.n + after.n
    if min(before.n, after.n) < 1:
        return undefined("no usable vector", n)
    means = [each.mean for each in (before, after)]
    if any(_is_noise(mean, each) for mean, each in zip(means, (before, after), strict=True)):
        return undefined(NO_DIRECTION, n)
    first, second = (mean / np.linalg.norm(mean) for mean in means)
    return exact(min(max(float(first @ second), -1.0), 1.0), n)


def _is_noise(mean: Array, moments: Moments) -> bool:
    error = float(np.trace(moments.covariance)) / moments.n if moments.n > 1 else 0.0
    return float(mean @ mean) <= max(error, moments.ulp**2 * moments.mean_square)
