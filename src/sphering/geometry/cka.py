"""Centred kernel alignment: how alike two spaces arrange the same things, whatever their widths.

CKA = HSIC(K, L)/√(HSIC(K, K) HSIC(L, L)) of two kernel matrices (Kornblith et al. 2019). With the linear kernel it
compares dot products and is ruled by the directions of most variance. With a Gaussian kernel of the width of a usual
distance it compares who is near whom: a space may be bent, so that neighbours change, and keep its linear CKA.

The plain estimate is biased upwards, to .073 for independent sets of 300 vectors in 20 and 30 dimensions; the debiased
one has the unbiased HSIC_1 of Song et al. (2012) in all three places, and may be slightly negative.

Each takes two sets of finite rows that belong together, (n, d) and (n, d'), and has the jackknife's interval for the
population of the rows. Sets of another shape, or rows that are not finite, are refused with an InputError.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.jackknife import jackknife_interval
from sphering.geometry.paired import centred, check_paired
from sphering.geometry.spectrum import NO_VARIANCE

TOO_FEW = "HSIC without bias needs four vectors"
NO_SIGNAL = "too few vectors: an unbiased HSIC of a space with itself is not positive"
_RANGE = (-1.0, 1.0)


@one_blas_thread()
def linear_cka(left: NDArray[Any], right: NDArray[Any]) -> Estimate:
    """Return the plain linear CKA ‖Y'X‖_F²/(‖X'X‖_F ‖Y'Y‖_F) of centred X and Y, from 0 to 1, in O(n d d')."""
    return _estimate(left, right, _plain, (0.0, 1.0))


@one_blas_thread()
def linear_cka_debiased(left: NDArray[Any], right: NDArray[Any]) -> Estimate:
    """Return the debiased linear CKA: about 0 for independent sets of any size, 1 for rotated ones, in O(n d d').

    With centred rows the sums over kernels without their diagonals are sums over squared norms k_i, l_i:
    n(n − 3) HSIC_1 = ‖Y'X‖_F² − Σ k_i l_i + Σk Σl/((n − 1)(n − 2)) − 2 Σ k_i l_i/(n − 2).
    """
    if len(left) < 4:
        check_paired(left, right)
        return undefined(TOO_FEW, len(left))
    return _estimate(left, right, _debiased, _RANGE)


def _estimate(left: NDArray[Any], right: NDArray[Any], measure: Any, within: tuple[float, float]) -> Estimate:
    check_paired(left, right)
    n = len(left)

    def value_of(rows: Any) -> float | None:
        first, second = centred(left[rows]), centred(right[rows])
        return None if first is None or second is None else measure(first, second)

    if centred(left) is None or centred(right) is None:
        return undefined(NO_VARIANCE, n)
    value = value_of(slice(None))
    if value is None:
        return undefined(NO_SIGNAL, n)
    return exact(value, n, jackknife_interval(value, value_of, n, within))


def _plain(first: Array, second: Array) -> float:
    cross, own, other = (float(np.sum((a.T @ b) ** 2)) for a, b in _combinations(first, second))
    return min(cross / math.sqrt(own) / math.sqrt(other), 1.0)


def _debiased(first: Array, second: Array) -> float | None:
    return _ratio(*(_linear_hsic(a, b) for a, b in _combinations(first, second)))


def _combinations(first: Array, second: Array) -> tuple[tuple[Array, Array], ...]:
    return (first, second), (first, first), (second, second)


def _linear_hsic(first: Array, second: Array) -> float:
    """Return n(n − 3) HSIC_1 of the linear kernels of centred rows."""
    n = len(first)
    left, right = np.einsum("ij,ij->i", first, first), np.einsum("ij,ij->i", second, second)
    joint = float(left @ right)
    total = float(left.sum()) * float(right.sum()) / ((n - 1) * (n - 2))
    return float(np.sum((first.T @ second) ** 2)) - joint + total - 2.0 * joint / (n - 2)


def _ratio(cross: float, own: float, other: float) -> float | None:
    if own <= 0.0 or other <= 0.0:
        return None
    return min(max(cross / math.sqrt(own) / math.sqrt(other), -1.0), 1.0)


@one_blas_thread()
def rbf_cka(left: NDArray[Any], right: NDArray[Any]) -> Estimate:
    """Return the debiased CKA of Gaussian kernels exp(−‖x − y‖²/(2σ²)), σ the median distance, also in the jackknife.

    HSIC_1 = [tr K̃L̃ + 1'K̃1 1'L̃1/((n − 1)(n − 2)) − 2/(n − 2) 1'K̃L̃1]/(n(n − 3)), K̃ and L̃ without diagonals. Cost:
    O(n² (d + d')), and the memory of four (n, n) matrices of float64: 128 MB for 2,000 rows.
    """
    check_paired(left, right)
    n = len(left)
    if n < 4:
        return undefined(TOO_FEW, n)
    kernels = [_gaussian(vectors) for vectors in (left, right)]
    first, second = kernels
    if first is None or second is None:
        return undefined("more than half of the pairs are equal vectors: there is no usual distance", n)
    value = _kernel_cka(first, second)
    if value is None:
        return undefined(NO_SIGNAL, n)
    interval = jackknife_interval(
        value, lambda kept: _kernel_cka(first[np.ix_(kept, kept)], second[np.ix_(kept, kept)]), n, _RANGE
    )
    return exact(value, n, interval)


def _gaussian(vectors: NDArray[Any]) -> Array | None:
    """Return the kernel matrix with a zero diagonal; None where the median distance is zero."""
    scaled = centred(vectors)
    if scaled is None:
        return None
    squares = np.einsum("ij,ij->i", scaled, scaled)
    distances = scaled @ scaled.T
    distances *= -2.0
    distances += squares[:, None]
    distances += squares
    np.maximum(distances, 0.0, out=distances)
    width = float(np.median(distances[np.triu_indices(len(scaled), 1)]))
    # Between equal vectors the difference of squares leaves rounding, and a width of that would be a kernel of noise.
    if width <= 2.0**-40 * float(squares.max()):
        return None
    kernel = np.exp(distances / (-2.0 * width), out=distances)
    np.fill_diagonal(kernel, 0.0)
    return np.asarray(kernel)


def _kernel_cka(first: Array, second: Array) -> float | None:
    sums = first.sum(axis=1), second.sum(axis=1)
    return _ratio(
        _kernel_hsic(first, second, sums[0], sums[1]),
        _kernel_hsic(first, first, sums[0], sums[0]),
        _kernel_hsic(second, second, sums[1], sums[1]),
    )


def _kernel_hsic(first: Array, second: Array, left: Array, right: Array) -> float:
    """Return n(n − 3) HSIC_1 of two kernels with zero diagonals, given the sums of their rows."""
    n = len(first)
    total = float(left.sum()) * float(right.sum()) / ((n - 1) * (n - 2))
    return float(np.vdot(first, second)) + total - 2.0 * float(left @ right) / (n - 2)
