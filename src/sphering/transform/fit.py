"""From moments to a transform."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sphering.config.model import OF_KINDS, TransformConfig
from sphering.errors import UnfittableError
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import Spectrum, dead_coordinates, noise_level, spectrum
from sphering.transform.affine import Kind, Transform
from sphering.transform.centering import all_but_the_top_map, standard_map
from sphering.transform.choice import Choice, choose
from sphering.transform.forms import Factor
from sphering.transform.whitening import whitening_map

_LEAST = {"none": 0, "center": 1, "standard": 2, "abtt": 2, "whiten": 2}  # vectors


@dataclass(frozen=True)
class AffineMap:
    """A fitted map z = (x − mean) M, its inverse, and how it came to be: what a transform and an estimator share.

    Parameters
    ----------
    mean : ndarray, shape (d,), float64
    matrix : ndarray, shape (d, k), float64, or None for the identity
    inverse : ndarray, shape (k, d), float64, or None for the identity
        `z @ inverse + mean` is x, projected onto the retained space.
    rank : int
        Directions of the covariance that the map keeps.
    shrinkage : float
        The share of (tr S/d) I in the covariance that was inverted.
    noise_level : float
        Variance below which a direction or a coordinate counts as rounding.
    spectrum : ndarray, shape (d,), float64
        Eigenvalues of the covariance, descending.
    dead : tuple of int
        Coordinates without variance.
    warnings : tuple of str
    """

    mean: Array
    matrix: Array | None
    inverse: Array | None
    rank: int
    shrinkage: float
    noise_level: float
    spectrum: Array
    dead: tuple[int, ...]
    warnings: tuple[str, ...]


@one_blas_thread()
def fit(config: TransformConfig, moments: Moments, *, encoder: str, snapshot: str) -> Transform:
    """Return the transform that the configuration asks for, fitted on moments.

    Parameters
    ----------
    config : TransformConfig
        `auto` is resolved by the mean cosine; `weights` says whose moments the caller passes.
    moments : Moments
        Of the documents, of the distinct texts, or weighted.
    encoder, snapshot : str
        Ids of the encoder and of the snapshot that the moments are of.

    Raises
    ------
    UnfittableError
        If there are too few vectors, or they have no variance where the kind needs it.
    """
    chosen = choose(config, moments) if config.kind == "auto" else Choice(config, {})
    kind: Kind = chosen.config.kind  # type: ignore[assignment]  # no choice is auto
    affine = fit_map(chosen.config, moments)
    covariance = moments.covariance if moments.n > 1 else np.zeros((moments.dimension, moments.dimension))
    return Transform(
        kind=kind,
        parameters=_parameters(chosen.config),
        encoder=encoder,
        fitted_on=snapshot,
        n=moments.n,
        mean=affine.mean,
        matrix=affine.matrix,
        inverse=affine.inverse,
        rank=affine.rank,
        shrinkage=affine.shrinkage,
        noise_level=affine.noise_level,
        spectrum=affine.spectrum,
        fitted_mean=moments.mean if moments.n else np.zeros(moments.dimension),
        fitted_covariance=covariance,
        dead=affine.dead,
        warnings=affine.warnings,
        effective_n=None if math.isclose(moments.effective_n, moments.n) else moments.effective_n,
        choice=chosen.document or None,
    )


@one_blas_thread()
def fit_map(config: TransformConfig, moments: Moments, spectral: Spectrum | None = None) -> AffineMap:
    """Return the affine map of a kind other than `auto`, fitted on moments.

    Parameters
    ----------
    config : TransformConfig
    moments : Moments
    spectral : Spectrum, optional
        The spectrum of these moments where the caller has it already.

    Raises
    ------
    UnfittableError
        If there are too few vectors, or they have no variance where the kind needs it.
    """
    _need(moments, _LEAST[config.kind])
    spectral = spectral or _spectrum(moments)
    dead = tuple(int(index) for index in dead_coordinates(moments)) if moments.n > 1 else ()
    mean = np.zeros(moments.dimension) if config.kind == "none" else moments.mean
    factor, shrinkage, warnings = _factor(config, moments, spectral, dead)
    return AffineMap(
        mean=mean,
        matrix=factor.matrix if factor else None,
        inverse=factor.inverse if factor else None,
        rank=factor.rank if factor else spectral.rank,
        shrinkage=shrinkage,
        noise_level=spectral.threshold,
        spectrum=spectral.values,
        dead=dead,
        warnings=warnings,
    )


def _factor(
    config: TransformConfig, moments: Moments, spectral: Spectrum, dead: tuple[int, ...]
) -> tuple[Factor | None, float, tuple[str, ...]]:
    """Return the linear part (None for the identity), the shrinkage and the warnings of a kind."""
    if config.kind == "whiten":
        whitening = whitening_map(config, moments, spectral)
        return whitening.factor, whitening.shrinkage, whitening.warnings
    if config.kind == "standard":
        return standard_map(moments.covariance, dead, spectral.rank), 0.0, ()
    if config.kind == "abtt":
        return all_but_the_top_map(spectral, config.components), 0.0, ()
    return None, 0.0, ()


def _need(moments: Moments, least: int) -> None:
    if moments.n < least:
        raise UnfittableError(
            f"{moments.n} usable vectors to fit a transform on",
            expected=f"at least {least}",
            remedy='set kind = "none" under [transform]',
        )


def _spectrum(moments: Moments) -> Spectrum:
    """Return the spectrum, of zeros where there is no covariance."""
    if moments.n > 1:
        return spectrum(moments)
    d = moments.dimension
    return Spectrum(np.zeros(d), np.eye(d), 0, noise_level(0.0, d, moments.mean_square, moments.ulp), moments.n)


def _parameters(config: TransformConfig) -> dict[str, Any]:
    """Return the settings that the kind reads."""
    return {name: getattr(config, name) for name in (*OF_KINDS.get(config.kind, ()), "weights")}
