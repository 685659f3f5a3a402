"""The direction of a vector, x/‖x‖, at any length that a float64 has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.gram import Array

_SHORT, _LONG = 1e-140, 1e140  # squares of lengths between them neither vanish nor overflow, summed over any width


def unit_rows(vectors: NDArray[Any]) -> tuple[Array, NDArray[np.bool_]]:
    """Return x/‖x‖ in float64 of the rows that have a direction, and which of the rows have one.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Rows with a NaN or an infinity, or of norm 0, have none.

    Returns
    -------
    units : ndarray, shape (m, d), float64
    usable : ndarray, shape (n,), bool
    """
    wide = vectors.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        norms = np.sqrt(np.vecdot(wide, wide))
        extreme = ~((norms > _SHORT) & (norms < _LONG))
        if extreme.any():
            wide[extreme] = _scaled(wide[extreme])
            norms[extreme] = np.sqrt(np.vecdot(wide[extreme], wide[extreme]))
    usable = np.isfinite(norms) & (norms > 0.0)
    return (wide if usable.all() else wide[usable]) / norms[usable, None], usable


def nonzero_unit_rows(vectors: NDArray[Any]) -> Array:
    """Return x/‖x‖ in float64 of the rows that are not zero, (m, d).

    Raises
    ------
    InputError
        If a row is not finite.
    """
    units, usable = unit_rows(vectors)
    if not usable.all():
        lost = np.flatnonzero(~usable)
        bad = lost[~np.isfinite(vectors[lost]).all(axis=1)]
        if len(bad):
            raise InputError(f"row {bad[0]} is not finite", expected="finite vectors", remedy="leave such rows out")
    return units


def _scaled(rows: Array) -> Array:
    """Return rows over their largest size: those that are not finite have none then, and zero stays zero."""
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(rows / np.where(largest == 0.0, 1.0, largest))
