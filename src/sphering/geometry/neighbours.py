"""Exact nearest neighbours under cosine, dot product and Euclidean distance, and how far they agree.

Float64 by blocks, one matrix product for all three. Scores within 2^-40 of their scale of the k-th are ties: far above
the error of the product and far below what float32 vectors can tell apart, so equal vectors tie, and ties go to the
lowest row under every metric alike. A row is never its own neighbour, its exact duplicates are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array

Metric = Literal["cosine", "dot_product", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
_STEP = 2.0**-40
_BLOCK_NUMBERS = 1 << 20


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of each row, nearest first.

    Parameters
    ----------
    rows : ndarray, shape (n, k), int64
    scores : ndarray, shape (n, k), float64
        Cosine, dot product, or minus half the squared distance plus half the row's own squared norm (ranks alike).
    tied : ndarray, shape (n,), bool
        Whether the k-th place is tied with rows that were left out, so that another k-set would be as right.
    """

    rows: NDArray[np.int64]
    scores: Array
    tied: NDArray[np.bool_]


def neighbours(vectors: NDArray[Any], k: int, metric: Metric) -> Neighbours:
    """Return the exact k nearest neighbours of each row among the other rows.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Finite rows. A zero row has cosine 0 with every row.
    k : int
        Less than n.
    metric : {"cosine", "dot_product", "euclidean"}
    """
    wide = _checked(vectors, k)
    found = [_nearest_of(scores, step, k) for ((scores, step),) in _score_blocks(wide, (metric,))]
    return Neighbours(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def overlap(left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    """Return mean |A ∩ B|/k over the rows of two (n, k) arrays of neighbours; chance level k/(n − 1)."""
    both = np.sort(np.concatenate([left, right], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum(axis=1).mean() / left.shape[1])


def metric_agreement(vectors: NDArray[Any], k: int = 10) -> dict[str, Estimate]:
    """Return the neighbour overlap of each pair of metrics, as the vectors are and after normalisation.

    Returns
    -------
    dict
        ``cosine_dot_product``, ``cosine_euclidean``, ``dot_product_euclidean`` and the same three with the suffix
        ``_normalised`` (which are 1 up to rounding ties: on the sphere all three metrics rank alike), and
        ``tied_share``: the share of rows whose k-th cosine neighbour is tied with rows left out.
    """
    names = [f"{a}_{b}" for a, b in combinations(METRICS, 2)]
    n = len(vectors)
    if n <= k:
        missing = undefined(f"{n} vectors have no {k} neighbours each", n)
        return dict.fromkeys([*names, *(f"{name}_normalised" for name in names), "tied_share"], missing)
    wide = _checked(vectors, k)
    raw, tied = _agreement(wide, k)
    unit, _ = _agreement(_normalised(wide), k)
    values = dict(zip([*names, *(f"{name}_normalised" for name in names)], [*raw, *unit], strict=True))
    return {name: exact(value, n) for name, value in {**values, "tied_share": tied}.items()}


def _agreement(wide: Array, k: int) -> tuple[list[float], float]:
    """Return the mean overlap of each pair of metrics, and the share of rows with a tied k-th cosine neighbour."""
    common = np.zeros(3)
    tied = 0
    for scores in _score_blocks(wide, METRICS):
        sets = [_top(block, step, k) for block, step in scores]
        common += [np.count_nonzero(a & b) for (a, _), (b, _) in combinations(sets, 2)]
        tied += int(sets[0][1].sum())
    return [float(value) for value in common / (len(wide) * k)], tied / len(wide)


def _checked(vectors: NDArray[Any], k: int) -> Array:
    wide = vectors.astype(np.float64)
    if not 0 < k < len(wide):
        raise InputError(f"k = {k} neighbours among {len(wide)} vectors", expected=f"k from 1 to {len(wide) - 1}")
    if not np.isfinite(wide).all():
        bad = int(np.argmin(np.isfinite(wide).all(axis=1)))
        raise InputError(f"row {bad} is not finite", expected="finite vectors", remedy="leave such rows out")
    return wide


def _normalised(wide: Array) -> Array:
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    return np.asarray(wide / np.where(norms > 0.0, norms, 1.0)[:, None])


def _score_blocks(wide: Array, metrics: tuple[Metric, ...]) -> Iterator[Iterator[tuple[Array, Array]]]:
    """Yield, for blocks of rows, their scores under each metric; use each before the next is taken.

    The two large arrays are kept from block to block: fresh memory of this size costs as much as the arithmetic.
    """
    squares = np.einsum("ij,ij->i", wide, wide)
    rows = max(1, _BLOCK_NUMBERS // len(wide))
    space = np.empty((2, min(rows, len(wide)), len(wide)))
    for start in range(0, len(wide), rows):
        block = wide[start : start + rows]
        products, scores = space[0, : len(block)], space[1, : len(block)]
        np.matmul(block, wide.T, out=products)
        own = np.arange(len(block))
        products[own, start + own] = -np.inf
        yield (_scores(products, metric, squares, squares[start : start + rows, None], scores) for metric in metrics)


def _scores(products: Array, metric: Metric, squares: Array, own: Array, out: Array) -> tuple[Array, Array]:
    """Return scores that rank as the metric does (−inf for the row itself), and which differences are ties.

    Parameters
    ----------
    products : ndarray, shape (rows, n)
        Dot products, −inf for the row itself; left as they are.
    metric : {"cosine", "dot_product", "euclidean"}
    squares, own : ndarray, shapes (n,) and (rows, 1)
        Squared norms of all rows and of these.
    out : ndarray, shape (rows, n)
        Where the scores may be written.
    """
    scale = np.sqrt(squares.max() * own)
    if metric == "dot_product":
        return products, scale * _STEP
    if metric == "euclidean":
        return np.subtract(products, squares / 2.0, out=out), (scale + squares.max() / 2.0) * _STEP
    inverse, own_inverse = (1.0 / np.sqrt(np.where(of > 0.0, of, 1.0)) for of in (squares, own))
    np.multiply(products, inverse, out=out)
    return np.multiply(out, own_inverse, out=out), np.full_like(own, _STEP)


def _top(scores: Array, step: Array, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the mask of the k best of each row, ties to the lowest column, and whether the last place was tied.

    Ties are scores within `step`, shape (rows, 1), of the k-th best.
    """
    last = np.partition(scores, -k, axis=1)[:, -k][:, None]
    chosen = scores >= last - step
    tied = np.count_nonzero(chosen, axis=1) > k
    rows = np.flatnonzero(tied)
    if len(rows):
        better = scores[rows] > last[rows] + step[rows]
        equal = chosen[rows] & ~better
        room = k - np.count_nonzero(better, axis=1)
        chosen[rows] = better | (equal & (np.cumsum(equal, axis=1) <= room[:, None]))
    return chosen, tied


def _nearest_of(scores: Array, step: Array, k: int) -> tuple[NDArray[np.int64], Array, NDArray[np.bool_]]:
    """Return the k best columns of each row, best first and ties by column, their scores, and who was tied."""
    chosen, tied = _top(scores, step, k)
    columns = np.nonzero(chosen)[1].reshape(len(scores), k)
    best = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-np.rint(best / np.where(step > 0.0, step, 1.0)), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(best, order, axis=1), tied
