"""Whether vectors collapse onto few directions."""

from __future__ import annotations

from sphering.geometry.angles import NO_PAIR, mean_square_cosine
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.moments import Moments
from sphering.geometry.participation import ONE_DIMENSION


def self_cluster(moments: Moments) -> Estimate:
    """Return SelfCluster = (m2 − 1/d)/(1 − 1/d), m2 the mean of cos² over all pairs (Tsitsulin et al. 2023).

    0 for random directions, 1 where all vectors lie on one line.
    """
    second = mean_square_cosine(moments)
    if second is None:
        return undefined(NO_PAIR, moments.n)
    chance = 1.0 / moments.dimension
    if moments.dimension < 2:
        return undefined(ONE_DIMENSION, moments.n)
    return exact((second - chance) / (1.0 - chance), moments.n)
