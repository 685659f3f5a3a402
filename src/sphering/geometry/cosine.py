"""The cosine as a function of its vectors: its gradient, its angle, and what makes 1 − cos a divergence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.directions import unit_rows
from sphering.geometry.gram import Array


def unit(vectors: NDArray[np.floating]) -> Array:
    """Return the rows of (n, d) with norm 1 in float64.

    Raises
    ------
    InputError
        If a row is zero or not finite: it has no direction.
    """
    units, usable = unit_rows(vectors)
    if not usable.all():
        raise InputError(f"row {int(np.argmin(usable))} has no direction", expected="finite vectors other than zero")
    return units


def cosine_gradient(x: NDArray[np.floating], y: NDArray[np.floating]) -> Array:
    """Return the gradient of cos(x, y) by x, row by row, (n, d) float64.

    (v − cos · u)/‖x‖ with u = x/‖x‖ and v = y/‖y‖: orthogonal to x, of length sin θ/‖x‖. A step along x changes no
    cosine, and a long vector turns more slowly.

    Parameters
    ----------
    x, y : ndarray, shape (n, d)

    Raises
    ------
    InputError
        If a row is zero or not finite.
    """
    u, v = unit(x), unit(y)
    cosines = np.einsum("ij,ij->i", u, v)[:, None]
    across = v - cosines * u
    scale = np.abs(x.astype(np.float64)).max(axis=1, keepdims=True)
    return np.asarray(across / np.linalg.norm(x / scale, axis=1, keepdims=True) / scale)


def angular_distance(x: NDArray[np.floating], y: NDArray[np.floating]) -> Array:
    """Return the angles between rows, (n,) float64 in radians from 0 to π: a metric, as 1 − cos is not.

    2 atan2(‖u − v‖, ‖u + v‖), which keeps its digits at 0 and π, where arccos loses half of them (Kahan 2006).

    Raises
    ------
    InputError
        If a row is zero or not finite.
    """
    u, v = unit(x), unit(y)
    return np.asarray(2.0 * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1)))


def bregman_divergence(
    potential: Callable[[Array], Array], gradient: Callable[[Array], Array], p: Array, q: Array
) -> Array:
    """Return D(p, q) = φ(p) − φ(q) − ⟨∇φ(q), p − q⟩, row by row, (n,): how far φ lies above its tangent at q.

    With `half_square` it is ‖p − q‖²/2, on the sphere 1 − cos. With the negative entropy it is, on the simplex, the
    Kullback-Leibler divergence. Not negative for convex φ, and in general no metric (Bregman 1967).

    Parameters
    ----------
    potential : callable
        φ of the rows of (n, d), (n,).
    gradient : callable
        ∇φ of the rows, (n, d).
    p, q : ndarray, shape (n, d), float64
    """
    return np.asarray(potential(p) - potential(q) - np.einsum("ij,ij->i", gradient(q), p - q))


def half_square(x: Array) -> Array:
    """Return ‖x‖²/2 of each row; its gradient is x."""
    return np.asarray(0.5 * np.einsum("ij,ij->i", x, x))


def negative_entropy(p: Array) -> Array:
    """Return Σ p ln p of each row, with 0 ln 0 = 0; its gradient is 1 + ln p."""
    return np.asarray(np.sum(np.where(p > 0.0, p * np.log(np.where(p > 0.0, p, 1.0)), 0.0), axis=1))
