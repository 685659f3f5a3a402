"""How much of (tr S/d) I to mix into a covariance: two closed forms, from moments alone.

Both were derived for the covariance that divides by n. Shrinking S of any divisor by the same share gives the same
matrix up to that divisor, so the share is what is returned. Both agree with scikit-learn's `ledoit_wolf_shrinkage` and
`OAS`, conventions included. Where vectors are weighted, n is the effective number W²/Σw², and 1/n a weight's share.
"""

from __future__ import annotations

import numpy as np

from sphering.geometry.moments import Moments


def ledoit_wolf(moments: Moments) -> float:
    """Return the share ρ of (tr S/d) I that minimises the expected squared error of (1 − ρ) S + ρ (tr S/d) I.

    With S = Σ(x − μ)(x − μ)'/n: ρ = min(b, δ)/δ, b = (Σ‖x − μ‖⁴/n − ‖S‖²_F)/n, δ = ‖S‖²_F − (tr S)²/d (Ledoit & Wolf
    2004, "A well-conditioned estimator for large-dimensional covariance matrices"). 0 where S is a multiple of I.

    Raises
    ------
    InputError
        If there are fewer than two usable vectors.
    """
    trace, square = _traces(moments)
    distance = square - trace**2 / moments.dimension
    error = (moments.fourth_central / moments.weight - square) / moments.effective_n
    if distance <= 0.0 or error <= 0.0:
        return 0.0
    return min(error, distance) / distance


def oas(moments: Moments) -> float:
    """Return the oracle-approximating share ρ of (tr S/d) I, for Gaussian vectors.

    With S = Σ(x − μ)(x − μ)'/n: ρ = min(1, (tr S² + (tr S)²)/((n + 1)(tr S² − (tr S)²/d))) (Chen, Wiesel, Eldar & Hero
    2010, "Shrinkage algorithms for MMSE covariance estimation", equation 23 without its terms in 2/d, as in
    scikit-learn). 1 where S is a multiple of I.

    Raises
    ------
    InputError
        If there are fewer than two usable vectors.
    """
    trace, square = _traces(moments)
    distance = (moments.effective_n + 1.0) * (square - trace**2 / moments.dimension)
    return 1.0 if distance <= 0.0 else min((square + trace**2) / distance, 1.0)


def _traces(moments: Moments) -> tuple[float, float]:
    """Return tr S and ‖S‖²_F of the covariance that divides by n, or by the sum of the weights."""
    covariance = moments.covariance * (1.0 - 1.0 / moments.effective_n)
    return float(np.trace(covariance)), float(np.sum(covariance**2))
