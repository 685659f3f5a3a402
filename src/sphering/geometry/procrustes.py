"""The orthogonal Procrustes problem: what of one space no rotation of another can reach.

Both functions take two sets of finite rows that belong together, (n, d) and (n, d'), and refuse others with an
InputError.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.jackknife import jackknife_interval
from sphering.geometry.paired import centred, check_paired
from sphering.geometry.spectrum import NO_VARIANCE


@one_blas_thread()
def procrustes_residual(left: NDArray[Any], right: NDArray[Any]) -> Estimate:
    """Return 1 − ‖X'Y‖_*²/(‖X‖_F² ‖Y‖_F²) of centred X and Y: the share of X that no rotated, scaled Y explains.

    min over orthogonal Q and c of ‖X − c Y Q‖_F²/‖X‖_F² (Schönemann 1966). Where the widths differ the narrower set
    counts as padded with zeros, which leaves the singular values of X'Y as they are. From 0 (a rotation) to 1, with the
    jackknife's interval; a rotation fitted on few vectors explains some of anything: compare `procrustes_by_chance`.
    Cost: O(n d d') and eleven singular value decompositions of (d, d').
    """
    check_paired(left, right)
    n = len(left)

    def value_of(rows: Any) -> float | None:
        first, second = centred(left[rows]), centred(right[rows])
        return None if first is None or second is None else _residual(first, second)

    value = value_of(slice(None))
    if value is None:
        return undefined(NO_VARIANCE, n)
    return exact(value, n, jackknife_interval(value, value_of, n, (0.0, 1.0)))


@one_blas_thread()
def procrustes_by_chance(left: NDArray[Any], right: NDArray[Any], seed: int = 0) -> float | None:
    """Return the residual of the same vectors when it is drawn by lot which belong together; None without variance."""
    check_paired(left, right)
    order = np.random.default_rng(seed).permutation(len(left))
    first, second = centred(left), centred(right[order])
    return None if first is None or second is None else _residual(first, second)


def _residual(first: Array, second: Array) -> float:
    values = np.linalg.svd(first.T @ second, compute_uv=False)
    return min(max(1.0 - float(values.sum()) ** 2, 0.0), 1.0)
