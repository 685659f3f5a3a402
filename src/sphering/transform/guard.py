"""Whether vectors look like those that a transform was fitted on: what the names of encoders cannot tell.

A hosted model that changed, vectors from elsewhere under an old name, vectors that were once normalised and now are
not: a map fitted on other vectors gives finite unit vectors of them that mean nothing.

Two signs are never there with the same encoder, and are refused: a coordinate that the encoder never moved moves, and
lengths of another order. How far the cloud lies from the fitted one is a warning alone. Measured with all-MiniLM-L6-v2
fitted on the STS benchmark, its drift is .08 for other sentences of the benchmark, .45 to 1.0 for other subjects
(CLINC150, Banking77, Debian's descriptions, XQuAD's questions in eleven other languages, the big list of naughty
strings), .61 to 1.6 for vectors of a fine-tuned copy and 1.4 to 1.7 for those of
multilingual-e5-small; fitted on Banking77, which has one subject, .75 to 1.6, 1.2 to 1.3 and 2.0 to 2.2. These overlap,
and so do Mahalanobis distances (2 to 13 a direction for other subjects, 2 to 27 for other models): no bound on them
tells a subject from a model. Dead coordinates do: of the three of this model, texts of any kind have 1e-17 to 5e-16 of
their energy there, those of the fine-tuned copy 5e-8, those of the other model .01.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import IdentityError, InputError
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.transform.affine import Transform

FAR = 0.25
"""Drift beyond which vectors are of another kind of text than those fitted on, or of another encoder."""
_AWAKE = 1e4  # times the noise level: 1e5 above what was measured for one model, 300 below a fine-tuned one
_SCALE = 10.0  # of root mean squares: means of word vectors differ 3-fold between one word and a page


@dataclass(frozen=True)
class Limits:
    """What raw vectors of a transform's own encoder keep to.

    Attributes
    ----------
    least, most : float
        Of the mean square of their lengths.
    dead : float
        Of the mean square of each dead coordinate about its fitted mean.
    """

    least: float
    most: float
    dead: float

    @classmethod
    def of(cls, transform: Transform) -> Limits:
        """Return the limits of a transform; there are none where it was fitted on too few vectors to tell."""
        if transform.n < 2:
            return cls(0.0, np.inf, np.inf)
        fitted = float(transform.fitted_mean @ transform.fitted_mean + np.trace(transform.fitted_covariance))
        # Below d vectors a coordinate may be constant by chance of the texts.
        dead = _AWAKE * transform.noise_level if transform.n > transform.dimension_in else np.inf
        return cls(fitted / _SCALE**2, fitted * _SCALE**2, dead)


def check_vectors(transform: Transform, vectors: NDArray[Any]) -> None:
    """Refuse raw vectors that cannot be of the encoder that the transform was fitted for.

    Parameters
    ----------
    transform : Transform
    vectors : ndarray, shape (n, d), float16, float32 or float64
        A few are enough. Rows that are zero or not finite say nothing.

    Raises
    ------
    InputError
        If the dimension is another.
    IdentityError
        If coordinates move that never did, or the lengths are of another order.
    """
    _check_dimension(transform, vectors.shape[-1])
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    usable = np.isfinite(squares) & (squares > 0.0)
    if usable.any():
        dead = list(transform.dead)
        offset = vectors[usable][:, dead].astype(np.float64) - transform.fitted_mean[dead]
        _check(transform, float(squares[usable].mean()), np.mean(offset**2, axis=0))


def check_moments(transform: Transform, moments: Moments) -> None:
    """Refuse raw vectors by their moments, as `check_vectors` does.

    Raises
    ------
    InputError
        If the dimension is another.
    IdentityError
        If coordinates move that never did, or the lengths are of another order.
    """
    _check_dimension(transform, moments.dimension)
    if moments.n == 0:
        return
    dead = list(transform.dead)
    offset = (moments.mean - transform.fitted_mean)[dead] ** 2
    if moments.n > 1:
        offset += np.diagonal(moments.covariance)[dead]
    _check(transform, moments.mean_square, offset)


def _check_dimension(transform: Transform, dimension: int) -> None:
    if dimension != transform.dimension_in:
        raise InputError(
            f"vectors of {dimension} dimensions", expected=f"{transform.dimension_in}, as the transform has"
        )


def _check(transform: Transform, mean_square: float, dead_squares: Array) -> None:
    """Refuse by the mean square of the lengths, and by that of each dead coordinate about its fitted mean."""
    limits = Limits.of(transform)
    if not limits.least <= mean_square <= limits.most:
        fitted = limits.most**0.5 / _SCALE
        raise _stranger(
            transform,
            f"vectors of root mean square length {mean_square**0.5:.3g}",
            f"about {fitted:.3g}, as those had that the transform was fitted on",
        )
    awake = [transform.dead[each] for each in np.flatnonzero(dead_squares > limits.dead)]
    if awake:
        raise _stranger(
            transform,
            f"vectors that vary in coordinate {', '.join(map(str, awake[:5]))}",
            f"no variance there, as in all {transform.n:,} vectors that the transform was fitted on",
        )


def _stranger(transform: Transform, found: str, expected: str) -> IdentityError:
    return IdentityError(
        f"{found}: they are of another encoder, or of another setting of it",
        expected=expected,
        where=f"the transform fitted on {transform.fitted_on}",
        remedy=f"use vectors of the encoder {transform.encoder}, or fit a transform on these",
    )
