"""The whitening family: a power of an inverse covariance, rank-aware, with shrinkage, truncation and a form.

For search all full-rank whitenings have the same cosines, so there is one family with a form: ZCA keeps the axes and
is stable between snapshots, PCA puts the variance in order and may have fewer dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sphering.config.model import TransformConfig
from sphering.errors import InputError, UnfittableError
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.shrinkage import ledoit_wolf, oas
from sphering.geometry.spectrum import Spectrum, dead_coordinates
from sphering.transform.forms import Factor, correlated, principal, triangular

ROWS_PER_DIMENSION = 5


@dataclass(frozen=True)
class Whitening:
    """A whitening map and how it came to be.

    Parameters
    ----------
    factor : Factor
        The map and its inverse.
    shrinkage : float
        The share of (tr S/d) I in the covariance that was inverted.
    warnings : tuple of str
    """

    factor: Factor
    shrinkage: float
    warnings: tuple[str, ...]


def whitening_map(config: TransformConfig, moments: Moments, spectral: Spectrum) -> Whitening:
    """Return the map W with W Σ^γ W' = I on the retained space, in the form asked for.

    Σ = (1 − ρ) S + ρ (tr S/d) I with shrinkage ρ, or S + α (tr S/d) I with `soft` α, which is (1 + α) times the former
    at ρ = α/(1 + α). Directions whose variance is above the noise level are kept (all of them with shrinkage, which
    lifts the noise), at most `dimension`. Directions below it are dropped, not inverted.

    Raises
    ------
    UnfittableError
        If n <= d without shrinkage or a smaller dimension, or the vectors do not differ.
    InputError
        If more dimensions are asked for than the vectors have.
    """
    shrinkage = _share(config, moments)
    _refuse_too_few(config, moments, shrinkage)
    if spectral.rank == 0:
        raise UnfittableError(
            "the vectors do not differ by more than rounding",
            expected="a covariance of rank 1 or more",
            remedy='set kind = "none" under [transform]',
        )
    factor = _factor(config, moments, spectral, shrinkage)
    warnings = _few_rows_warning(moments, softened=shrinkage > 0.0 or config.power < 1.0)
    if config.dimension is not None and config.dimension > factor.rank:
        warnings += (f"dimension = {config.dimension} asked for, but the vectors have rank {factor.rank}",)
    return Whitening(factor, shrinkage, warnings)


def _share(config: TransformConfig, moments: Moments) -> float:
    """Return the share of (tr S/d) I that the configuration means for these vectors."""
    if config.shrinkage == "ledoit-wolf":
        return ledoit_wolf(moments)
    if config.shrinkage == "oas":
        return oas(moments)
    return config.soft / (1.0 + config.soft) if config.soft else config.shrinkage


def _factor(config: TransformConfig, moments: Moments, spectral: Spectrum, shrinkage: float) -> Factor:
    """Return the factor of the shrunk covariance in the configured form."""
    rotate_back = config.form.startswith("zca")
    if config.form in ("zca", "pca"):
        values, rank = _lifted(config, spectral, shrinkage)
        kept = rank if config.dimension is None else min(rank, config.dimension)
        return principal(values[:kept], spectral.vectors[:, :kept], config.power, rotate_back=rotate_back)
    covariance, noise = _shrunk(config, moments, spectral, shrinkage)
    if config.form == "cholesky":
        return triangular(covariance, float(noise.max()))
    return correlated(covariance, noise, config.dimension, config.power, rotate_back=rotate_back)


def _lifted(config: TransformConfig, spectral: Spectrum, shrinkage: float) -> tuple[Array, int]:
    """Return the eigenvalues after shrinkage towards their mean, and how many are kept."""
    if shrinkage == 0.0:
        return spectral.values, spectral.rank
    positive = np.maximum(spectral.values, 0.0)
    if config.soft:
        return positive + config.soft * positive.mean(), len(positive)
    return (1.0 - shrinkage) * positive + shrinkage * positive.mean(), len(positive)


def _shrunk(config: TransformConfig, moments: Moments, spectral: Spectrum, shrinkage: float) -> tuple[Array, Array]:
    """Return the covariance after shrinkage, its dead coordinates zero, and the variance of rounding in each."""
    covariance = moments.covariance.copy()
    d = len(covariance)
    if shrinkage == 0.0:
        dead = dead_coordinates(moments)
        covariance[dead], covariance[:, dead] = 0.0, 0.0
        return covariance, np.full(d, spectral.threshold)
    target = np.trace(covariance) / d * np.eye(d)
    if config.soft:
        return covariance + config.soft * target, np.zeros(d)
    return (1.0 - shrinkage) * covariance + shrinkage * target, np.zeros(d)


def _refuse_too_few(config: TransformConfig, moments: Moments, shrinkage: float) -> None:
    n, d = moments.n, moments.dimension
    if config.dimension is not None and config.dimension > d:
        raise InputError(
            f"dimension = {config.dimension} under [transform]",
            expected=f"at most {d}, the encoder's dimension",
        )
    truncated = config.dimension is not None and config.dimension < n
    if n <= d and shrinkage == 0.0 and not truncated:
        raise UnfittableError(
            f"{n} vectors of {d} dimensions cannot be whitened: their covariance has rank {max(n - 1, 0)} at most",
            expected=f"more than {d} vectors, better {ROWS_PER_DIMENSION * d}",
            remedy=f'under [transform] set shrinkage (0.1, say), a dimension below {n}, or kind = "center"',
        )


def _few_rows_warning(moments: Moments, *, softened: bool) -> tuple[str, ...]:
    d, effective = moments.dimension, round(moments.effective_n)
    if effective >= ROWS_PER_DIMENSION * d:
        return ()
    alike = "" if effective == moments.n else f", by their weights as good as {effective},"
    return (
        f"fitted on {moments.n} vectors{alike} of {d} dimensions; below {ROWS_PER_DIMENSION * d} small eigenvalues are "
        f"poorly known{'' if softened else ': use shrinkage or a smaller power'}",
    )
