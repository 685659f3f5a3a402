"""Effective ranks of the vectors as they are, not centred: RankMe and the stable rank; and NESum of the covariance.

With X the (n, d) matrix of all vectors, σ_k = √(eigenvalue of X'X). Three conventions go by the name of an effective
rank; this is not `spectrum.entropy_rank`, which is of the eigenvalues of the covariance.
"""

from __future__ import annotations

import numpy as np

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import NO_VARIANCE, Spectrum, eigen

_EPSILON = 1e-7
NO_VECTOR = "no usable vector"


def second_moment(moments: Moments) -> tuple[Array, Array]:
    """Return the eigenvalues of X'X/n, descending and not negative, (d,), and its eigenvectors as columns, (d, d).

    Of weighted vectors it is Σ w x x'/Σ w.

    Raises
    ------
    InputError
        If there are no vectors.
    """
    d = moments.dimension
    total = moments.gram.about(np.zeros(d)).matrix[:d, :d] / moments.weight
    values, vectors = eigen(total)
    return np.maximum(values, 0.0), vectors


def rankme(values: Array, n: int) -> Estimate:
    """Return RankMe: exp(−Σ p ln p) with p = σ/Σσ + 10⁻⁷ (Garrido et al. 2023).

    Parameters
    ----------
    values : ndarray, shape (d,)
        Eigenvalues of X'X up to a factor. From them, small σ keep half of the digits of float64.
    n : int
        Vectors.
    """
    singular = np.sqrt(values)
    shares = singular / singular.sum() + _EPSILON
    return exact(float(np.exp(-np.sum(shares * np.log(shares)))), n)


def stable_rank(values: Array, n: int) -> Estimate:
    """Return ‖X‖_F²/‖X‖_2² of the vectors as they are: 1 where they share one direction."""
    return exact(float(values.sum() / values[0]), n)


def nesum(spectrum: Spectrum) -> Estimate:
    """Return Σl/l_1 of the covariance (He & Ozay 2022); it equals the stable rank of the centred vectors."""
    if spectrum.rank == 0:
        return undefined(NO_VARIANCE, spectrum.n)
    return exact(float(1.0 / spectrum.shares[0]), spectrum.n)
