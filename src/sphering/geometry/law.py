"""The law of the cosine t of two random directions in d dimensions.

Density Γ(d/2)/(√π Γ((d−1)/2)) (1 − t²)^((d−3)/2) on [−1, 1]; (1 + t)/2 ~ Beta((d−1)/2, (d−1)/2); variance 1/d.
In one dimension t is −1 or 1, each with probability one half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.gram import Array


def law_cdf(cosines: NDArray[np.floating], dimension: int) -> Array:
    """Return P(cos <= t) of two random directions for each t of `cosines`."""
    points = np.clip(np.asarray(cosines, dtype=np.float64), -1.0, 1.0)
    if dimension == 1:
        return np.where(points >= 1.0, 1.0, 0.5) * (np.asarray(cosines) >= -1.0)
    from scipy.special import betainc

    shape = (dimension - 1) / 2
    return np.asarray(betainc(shape, shape, (1.0 + points) / 2.0), dtype=np.float64)
