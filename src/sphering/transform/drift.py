"""How far a corpus has moved from the snapshot that a transform was fitted on."""

from __future__ import annotations

import math

import numpy as np

from sphering.errors import InputError
from sphering.geometry.bures import bures_squared
from sphering.geometry.moments import Moments
from sphering.transform.affine import Transform


def drift(transform: Transform, moments: Moments) -> float:
    """Return (‖μ − μ_fit‖² + Bures²(S, S_fit))/tr S_fit: an effect size, 0 for equal moments.

    It is the squared 2-Wasserstein distance of the two Gaussians in units of the fitted variance. It does not grow with
    n, but two independent samples of one population have a positive value, for Gaussian vectors about
    (1/n + 1/n_fit) (5/4 + Σ_ij l_i l_j/(2 (l_i + l_j) tr S)), at most (1/n + 1/n_fit) (5 + d)/4.

    Raises
    ------
    InputError
        If there are no vectors, or they have another dimension.
    """
    if moments.dimension != transform.dimension_in:
        raise InputError(
            f"moments of {moments.dimension} dimensions",
            expected=f"{transform.dimension_in}, as the transform has",
        )
    shift = moments.mean - transform.fitted_mean
    now = moments.covariance if moments.n > 1 else np.zeros_like(transform.fitted_covariance)
    distance = float(shift @ shift) + bures_squared(now, transform.fitted_covariance)
    total = float(np.trace(transform.fitted_covariance))
    if total > 0.0:
        return distance / total
    return 0.0 if distance == 0.0 else math.inf
