"""The whitening family: (x − mean) U Λ^(−γ/2) [U'], rank-aware, with shrinkage and truncation.

For search all full-rank whitenings have the same cosines, so there is one family with a form: ZCA keeps the axes and
is stable between snapshots, PCA puts the variance in order and may have fewer dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sphering.config.model import TransformConfig
from sphering.errors import InputError
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import Spectrum

ROWS_PER_DIMENSION = 5


@dataclass(frozen=True)
class Whitening:
    """A whitening map and what it keeps.

    Parameters
    ----------
    matrix : ndarray, shape (d, k), float64
    rank : int
        Principal directions that it keeps.
    warnings : tuple of str
    """

    matrix: Array
    rank: int
    warnings: tuple[str, ...]


def whitening_map(config: TransformConfig, moments: Moments, spectral: Spectrum) -> Whitening:
    """Return U_r Λ_r^(−γ/2) U_r' (zca) or U_r Λ_r^(−γ/2) (pca).

    Λ has the eigenvalues of (1 − ρ) S + ρ (tr S/d) I with shrinkage ρ; r directions above the noise level are kept
    (all of them with shrinkage, which lifts the noise), at most `dimension`. Directions below it are dropped, not
    inverted.

    Raises
    ------
    InputError
        If n <= d without shrinkage or a smaller dimension, or the vectors do not differ.
    """
    _refuse_too_few(config, moments)
    warnings = _few_rows_warning(moments.n, moments.dimension)
    values, rank = _shrunk(spectral, config.shrinkage)
    if rank == 0:
        raise InputError(
            "the vectors do not differ by more than rounding",
            expected="a covariance of rank 1 or more",
            remedy='set kind = "none" under [transform]',
        )
    kept = rank if config.dimension is None else min(rank, config.dimension)
    if config.dimension is not None and config.dimension > rank:
        warnings += (f"dimension = {config.dimension} asked for, but the vectors have rank {rank}",)
    directions = spectral.vectors[:, :kept]
    scaled = directions * values[:kept] ** (-config.power / 2.0)
    matrix = scaled if config.form == "pca" else scaled @ directions.T
    return Whitening(np.ascontiguousarray(matrix), kept, warnings)


def _shrunk(spectral: Spectrum, shrinkage: float) -> tuple[Array, int]:
    """Return the eigenvalues after shrinkage towards their mean, and how many are kept."""
    if shrinkage == 0.0 or spectral.rank == 0:
        return spectral.values, spectral.rank
    positive = np.maximum(spectral.values, 0.0)
    return (1.0 - shrinkage) * positive + shrinkage * positive.mean(), len(positive)


def _refuse_too_few(config: TransformConfig, moments: Moments) -> None:
    n, d = moments.n, moments.dimension
    if config.dimension is not None and config.dimension > d:
        raise InputError(
            f"dimension = {config.dimension} under [transform]",
            expected=f"at most {d}, the encoder's dimension",
        )
    truncated = config.dimension is not None and config.dimension < n
    if n <= d and config.shrinkage == 0.0 and not truncated:
        raise InputError(
            f"{n} vectors of {d} dimensions cannot be whitened: their covariance has rank {max(n - 1, 0)} at most",
            expected=f"more than {d} vectors, better {ROWS_PER_DIMENSION * d}",
            remedy=f'under [transform] set shrinkage (0.1, say), a dimension below {n}, or kind = "center"',
        )


def _few_rows_warning(n: int, d: int) -> tuple[str, ...]:
    if n >= ROWS_PER_DIMENSION * d:
        return ()
    return (
        f"fitted on {n} vectors of {d} dimensions; below {ROWS_PER_DIMENSION * d} small eigenvalues are poorly known:"
        " use shrinkage or a smaller power",
    )
