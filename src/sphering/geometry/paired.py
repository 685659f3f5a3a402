"""Vectors of the same things in two spaces, row by row, whatever the widths of the two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.gram import Array
from sphering.geometry.moments import half_ulp


def check_paired(left: NDArray[Any], right: NDArray[Any]) -> None:
    """Refuse two arrays that are not (n, d) and (n, d') of finite numbers.

    Raises
    ------
    InputError
        If the shapes do not fit, or a row is not finite.
    """
    if left.ndim != 2 or right.ndim != 2 or len(left) != len(right):
        raise InputError(f"arrays of shape {left.shape} and {right.shape}", expected="(n, d) and (n, d')")
    for vectors in (left, right):
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            raise InputError(
                f"row {int(np.argmin(finite))} is not finite", expected="finite vectors", remedy="leave such rows out"
            )


def centred(vectors: NDArray[Any]) -> Array | None:
    """Return the rows less their mean, divided by their Frobenius norm; None where they do not differ.

    Rows differ where the variance is more than rounding to their type makes of equal ones, as in `has_variance`.
    """
    if len(vectors) < 2:
        return None
    wide = vectors.astype(np.float64)
    scale = float(np.abs(wide).max(initial=0.0))
    if scale == 0.0:
        return None
    wide /= scale
    square = float(np.sum(wide**2))
    wide -= wide.mean(axis=0)
    left = float(np.sum(wide**2))
    if left <= 4.0 * half_ulp(vectors.dtype) ** 2 * square:
        return None
    return np.asarray(wide / np.sqrt(left))
