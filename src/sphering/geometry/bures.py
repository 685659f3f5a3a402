"""The Bures distance of two covariances, and the Fréchet distance of two sets of vectors from their moments."""

from __future__ import annotations

import numpy as np

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import NO_COVARIANCE, NO_VARIANCE, eigen, has_variance


def bures_squared(left: Array, right: Array) -> float:
    """Return the squared Bures distance tr(A + B − 2 (A^½ B A^½)^½) of two covariances.

    Computed as ‖A^½ − B^½ Q‖_F², Q the orthogonal polar factor of B^½ A^½ (Bhatia, Jain & Lim 2019): a sum of
    squares, where the difference of traces would lose all digits between close matrices. Cost: two eigendecompositions
    and a singular value decomposition of (d, d).
    """
    if np.array_equal(left, right):
        return 0.0
    first, second = _root(left), _root(right)
    with one_blas_thread():
        before, _, after = np.linalg.svd(second @ first)
        gap = first - second @ (before @ after)
    return float(np.sum(gap**2))


def covariance_shift(before: Moments, after: Moments) -> Estimate:
    """Return the squared Bures distance of two covariances in units of the first's trace: how the spread changed."""
    missing = _missing(before, after)
    if missing is not None:
        return missing
    return _relative(bures_squared(before.covariance, after.covariance), before, after)


def frechet(before: Moments, after: Moments) -> Estimate:
    """Return the squared Fréchet distance (‖μ − μ'‖² + Bures²(S, S')) of two sets, in units of tr S of the first.

    It is the squared 2-Wasserstein distance of two Gaussians with these moments (Dowson & Landau 1982), and the drift
    of the second set from the first. It is not 0 for two samples of one population: see `frechet_by_chance`.
    """
    missing = _missing(before, after)
    if missing is not None:
        return missing
    shift = after.mean - before.mean
    return _relative(float(shift @ shift) + bures_squared(before.covariance, after.covariance), before, after)


def frechet_by_chance(moments: Moments, inverse: float) -> float:
    """Return the `frechet` to expect of two samples of one Gaussian population with these moments.

    inverse · (5/4 + Σ_ij l_i l_j/(2 (l_i + l_j) tr S)), the leading term of the delta method: a sample mean has the
    variance tr S/n; the Bures distance is the quadratic form ½ Σ_ij Δ_ij²/(l_i + l_j) in the eigenbasis of S, where
    E Δ_ij² = (l_i l_j + δ_ij l_i²)/n.

    Parameters
    ----------
    moments : Moments
        With variance.
    inverse : float
        1/n + 1/n' of independent samples; of two that share c vectors 1/n + 1/n' − 2c/(n n').
    """
    values, _ = eigen(moments.covariance)
    values = np.maximum(values, 0.0) / np.trace(moments.covariance)
    sums = values[:, None] + values
    terms = np.divide(np.outer(values, values), sums, out=np.zeros_like(sums), where=sums > 0.0)
    return float(inverse * (1.25 + terms.sum() / 2.0))


def _missing(before: Moments, after: Moments) -> Estimate | None:
    n = min(before.n, after.n)
    if n < 2:
        return undefined(NO_COVARIANCE, n)
    return None if has_variance(before) else undefined(NO_VARIANCE, before.n)


def _relative(squared: float, before: Moments, after: Moments) -> Estimate:
    return exact(squared / float(np.trace(before.covariance)), before.n + after.n)


def _root(covariance: Array) -> Array:
    """Return the symmetric square root; eigenvalues below zero are rounding and count as zero."""
    values, vectors = eigen(covariance)
    with one_blas_thread():
        return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
