"""From moments to a transform."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sphering.config.model import TransformConfig
from sphering.errors import InputError
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import Spectrum, dead_coordinates, noise_level, spectrum
from sphering.transform.affine import Kind, Transform
from sphering.transform.centering import all_but_the_top_map, standard_map
from sphering.transform.choice import choose
from sphering.transform.whitening import whitening_map

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "abtt": ("components",),
    "whiten": ("form", "power", "shrinkage", "dimension"),
}


@one_blas_thread()
def fit(config: TransformConfig, moments: Moments, *, encoder: str, snapshot: str) -> Transform:
    """Return the transform that the configuration asks for, fitted on moments.

    Parameters
    ----------
    config : TransformConfig
        `auto` is resolved first; `weights` says whose moments the caller passes.
    moments : Moments
        Of the documents, of the distinct texts, or weighted.
    encoder, snapshot : str
        Ids of the encoder and of the snapshot that the moments are of.

    Raises
    ------
    InputError
        If there are too few vectors, or they have no variance where the kind needs it.
    """
    chosen = choose(config, moments)
    kind: Kind = chosen.kind  # type: ignore[assignment]  # choose() leaves no auto
    spectral = _spectrum(moments)
    mean, matrix, rank, warnings = _affine(chosen, moments, spectral)
    covariance = moments.covariance if moments.n > 1 else np.zeros((moments.dimension, moments.dimension))
    return Transform(
        kind=kind,
        parameters=_parameters(chosen),
        encoder=encoder,
        fitted_on=snapshot,
        n=moments.n,
        mean=mean,
        matrix=matrix,
        rank=rank,
        spectrum=spectral.values,
        fitted_mean=moments.mean if moments.n else np.zeros(moments.dimension),
        fitted_covariance=covariance,
        dead=tuple(int(index) for index in dead_coordinates(moments)) if moments.n > 1 else (),
        warnings=warnings,
        effective_n=None if math.isclose(moments.effective_n, moments.n) else moments.effective_n,
    )


def _affine(
    config: TransformConfig, moments: Moments, spectral: Spectrum
) -> tuple[Array, Array | None, int, tuple[str, ...]]:
    """Return mean, matrix, rank and warnings of the map."""
    if config.kind == "none":
        return np.zeros(moments.dimension), None, spectral.rank, ()
    if config.kind == "center":
        _need(moments, 1)
        return moments.mean, None, spectral.rank, ()
    _need(moments, 2)
    if config.kind == "standard":
        dead = tuple(int(index) for index in dead_coordinates(moments))
        return moments.mean, standard_map(moments.covariance, dead), spectral.rank, ()
    if config.kind == "abtt":
        removed = config.components
        return moments.mean, all_but_the_top_map(spectral, removed), spectral.rank - removed, ()
    whitening = whitening_map(config, moments, spectral)
    return moments.mean, whitening.matrix, whitening.rank, whitening.warnings


def _need(moments: Moments, least: int) -> None:
    if moments.n < least:
        raise InputError(
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
    return {name: getattr(config, name) for name in (*_PARAMETERS.get(config.kind, ()), "weights")}
