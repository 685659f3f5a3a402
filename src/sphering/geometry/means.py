"""A mean over independent items, with its interval."""

from __future__ import annotations

import math

from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined
from sphering.geometry.gram import Array


def mean_estimate(values: Array, missing: str, *, least: float = -math.inf) -> Estimate:
    """Return the mean of (n,) finite numbers with its normal 95 % interval, ± 1.96 sd/√n; one number has none.

    Parameters
    ----------
    values : ndarray, shape (n,), float64
    missing : str
        Why there is no value where there are no numbers.
    least : float
        The least value that the mean can have.
    """
    n = len(values)
    if not n:
        return undefined(missing)
    mean = max(float(values.mean()), least)
    if n < 2:
        return exact(mean, n)
    half = NORMAL_95 * float(values.std(ddof=1)) / math.sqrt(n)
    return exact(mean, n, (max(mean - half, least), mean + half))
