"""The spectrum of a covariance: eigenvalues in descending order, eigenvectors with fixed signs, and a rank that holds.

Covariance eigenvalues of real encoders span 20 orders of magnitude: all-MiniLM-L6-v2 has three dead coordinates. What
lies below the rounding of the arithmetic or of the stored numbers is noise and is not inverted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments

NO_VARIANCE = "the vectors are equal up to the rounding of their storage"
NO_COVARIANCE = "fewer than two usable vectors have no covariance"


@dataclass(frozen=True)
class Spectrum:
    """The eigendecomposition S = U diag(l) U' of a covariance.

    Parameters
    ----------
    values : ndarray, shape (d,)
        Eigenvalues, descending; those beyond `rank` are rounding noise and may be negative.
    vectors : ndarray, shape (d, d)
        Eigenvectors as columns; in each the entry of largest magnitude is positive (the first of equals).
    rank : int
        Number of eigenvalues above the noise.
    threshold : float
        The noise level.
    n : int
        Vectors that the covariance is of.
    """

    values: Array
    vectors: Array
    rank: int
    threshold: float
    n: int

    @property
    def shares(self) -> Array:
        """Eigenvalues as shares of the total variance, noise below zero cut off."""
        positive = np.maximum(self.values, 0.0)
        return np.asarray(positive / positive.sum())


def noise_level(largest: float, dimension: int, mean_square: float, ulp: float) -> float:
    """Return the variance below which a direction is rounding noise.

    max(l_1 · d · 2^-52, 4 ulp² E‖x‖²/d): the error of a float64 eigenvalue, and the variance that rounding to the
    storage type (half-ulp `ulp`) gives to a coordinate, with a margin.
    """
    return max(largest * dimension * 2.0**-52, 4.0 * ulp**2 * mean_square / dimension)


def eigen(symmetric: Array) -> tuple[Array, Array]:
    """Return eigenvalues in descending order and eigenvectors (columns) with deterministic signs.

    One BLAS thread: the bits of LAPACK's eigenvectors depend on the thread count.
    """
    with one_blas_thread():
        values, vectors = np.linalg.eigh(symmetric)
    values, vectors = values[::-1], vectors[:, ::-1]
    leading = np.argmax(np.abs(vectors), axis=0)
    signs = np.where(vectors[leading, np.arange(vectors.shape[1])] < 0.0, -1.0, 1.0)
    return np.ascontiguousarray(values), np.ascontiguousarray(vectors * signs)


def spectrum(moments: Moments) -> Spectrum:
    """Return the spectrum of the covariance of the raw vectors.

    Raises
    ------
    InputError
        If there are fewer than two usable vectors.
    """
    values, vectors = eigen(moments.covariance)
    level = noise_level(max(values[0], 0.0), moments.dimension, moments.mean_square, moments.ulp)
    rank = min(int(np.sum(values > level)), moments.n - 1)
    return Spectrum(values, vectors, rank, level, moments.n)


def dead_coordinates(moments: Moments) -> NDArray[np.int64]:
    """Return the coordinates whose variance is rounding noise, ascending."""
    variances = np.diagonal(moments.covariance)
    level = noise_level(float(variances.max()), moments.dimension, moments.mean_square, moments.ulp)
    return np.flatnonzero(variances <= level).astype(np.int64)


def has_variance(moments: Moments) -> bool:
    """Return whether the vectors differ by more than the rounding of their storage."""
    if moments.n < 2:
        return False
    total = float(np.trace(moments.covariance))
    return total > 4.0 * moments.ulp**2 * moments.mean_square


def entropy_rank(spectrum: Spectrum) -> Estimate:
    """Return exp(−Σ p ln p) with p = l/Σl of the covariance (Roy & Vetterli's effective rank, of eigenvalues)."""
    if spectrum.rank == 0:
        return undefined(NO_VARIANCE, spectrum.n)
    shares = spectrum.shares[: spectrum.rank]
    return exact(float(np.exp(-np.sum(shares * np.log(shares)))), spectrum.n)


def explained_variance(spectrum: Spectrum, components: int) -> Estimate:
    """Return the share of the variance in the first `components` principal directions."""
    if spectrum.rank == 0:
        return undefined(NO_VARIANCE, spectrum.n)
    return exact(min(float(spectrum.shares[:components].sum()), 1.0), spectrum.n)


def condition(spectrum: Spectrum) -> Estimate:
    """Return l_1/l_r, the condition number on the retained space of rank r."""
    if spectrum.rank == 0:
        return undefined(NO_VARIANCE, spectrum.n)
    return exact(float(spectrum.values[0] / spectrum.values[spectrum.rank - 1]), spectrum.n)
