"""Exact nearest neighbours under cosine, dot product and Euclidean distance, and how far they agree.

Float64 by blocks, one matrix product for all three. Scores within 2^-40 of their scale of the k-th are ties: far above
the error of the product and far below what float32 vectors can tell apart, so equal vectors tie, and ties go to the
lowest row under every metric alike. A row is never its own neighbour, its exact duplicates are.

A selection over all columns costs more than the product. So one is made, of the 64 largest dot products; under each
metric the score of a column outside has a bound, and where the k-th best inside lies above it (and a tie's width),
nothing outside can be among the k best. The other rows are selected from all columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.estimate import Estimate, exact
from sphering.geometry.gram import Array
from sphering.geometry.near_duplicates import NearRows

Metric = Literal["cosine", "dot_product", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
Rows = NDArray[np.int64]
_STEP = 2.0**-40
_CANDIDATES = 64
_BLOCK_NUMBERS = 1 << 20


def neighbours(
    vectors: NDArray[Any], k: int, metrics: Sequence[Metric] = METRICS, near: NearRows | None = None
) -> dict[Metric, Rows]:
    """Return the exact k nearest neighbours of each row among the other rows, under each metric.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Finite rows. A zero row has cosine 0 with every row.
    k : int
        Less than n.
    metrics : sequence of {"cosine", "dot_product", "euclidean"}
    near : NearRows, optional
        Counts near-duplicates in the same products.

    Returns
    -------
    dict of ndarray, shape (n, k), int64
        Rows, in ascending order.
    """
    wide = _checked(vectors, k)
    found = _space(len(wide), k, metrics)
    for block in _blocks(wide, near):
        _fill(found, block, k)
    return found


def neighbours_before_and_after(
    vectors: NDArray[Any], k: int, near: NearRows | None = None
) -> tuple[dict[Metric, Rows], dict[Metric, Rows]]:
    """Return the exact neighbours of the rows as they are and with norm 1, under every metric, from one product.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Finite rows. A zero row stays zero.
    k : int
        Less than n.
    near : NearRows, optional
        Counts near-duplicates in the same products.
    """
    wide = _checked(vectors, k)
    before, after = _space(len(wide), k, METRICS), _space(len(wide), k, METRICS)
    for block in _blocks(wide, near):
        _fill(before, block, k)
        _fill(after, block.normalised(), k)
    return before, after


def overlap(left: Rows, right: Rows) -> float:
    """Return mean |A ∩ B|/k over the rows of two (n, k) arrays of neighbours; chance level k/(n − 1)."""
    both = np.sort(np.concatenate([left, right], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum(axis=1).mean() / left.shape[1])


def agreement(found: dict[Metric, Rows]) -> dict[str, Estimate]:
    """Return the overlap of each pair of metrics: ``cosine_dot_product``, ``cosine_euclidean`` and so on."""
    return {f"{a}_{b}": exact(overlap(found[a], found[b]), len(found[a])) for a, b in combinations(METRICS, 2)}


def _checked(vectors: NDArray[Any], k: int) -> Array:
    wide = vectors.astype(np.float64)
    if not 0 < k < len(wide):
        raise InputError(f"k = {k} neighbours among {len(wide)} vectors", expected=f"k from 1 to {len(wide) - 1}")
    if not np.isfinite(wide).all():
        bad = int(np.argmin(np.isfinite(wide).all(axis=1)))
        raise InputError(f"row {bad} is not finite", expected="finite vectors", remedy="leave such rows out")
    return wide


def _space(n: int, k: int, metrics: Sequence[Metric]) -> dict[Metric, Rows]:
    return {metric: np.empty((n, k), dtype=np.int64) for metric in metrics}


@dataclass(frozen=True)
class _Block:
    """Dot products (rows, n) of the rows from `start` on with all rows, −inf with themselves; squared norms (n,)."""

    start: int
    products: Array
    squares: Array

    def own(self, rows: Any) -> Array:
        """Return the squared norms of some of the block's rows, (rows, 1)."""
        return self.squares[self.start : self.start + len(self.products)][rows, None]

    def normalised(self) -> _Block:
        """Return the products of the rows with norm 1, in the memory of these: use these no more."""
        inverse = _inverse(self.squares)
        np.multiply(self.products, inverse, out=self.products)
        np.multiply(self.products, _inverse(self.own(slice(None))), out=self.products)
        return _Block(self.start, self.products, self.squares * inverse**2)


def _blocks(wide: Array, near: NearRows | None) -> Iterator[_Block]:
    """Yield blocks of products; use each before the next is taken.

    The large array is kept from block to block: fresh memory of this size costs as much as the arithmetic.
    """
    squares = np.einsum("ij,ij->i", wide, wide)
    rows = max(1, _BLOCK_NUMBERS // len(wide))
    space = np.empty((min(rows, len(wide)), len(wide)))
    for start in range(0, len(wide), rows):
        block = wide[start : start + rows]
        products = space[: len(block)]
        np.matmul(block, wide.T, out=products)
        own = np.arange(len(block))
        products[own, start + own] = -np.inf
        if near is not None:
            near.count(start, products, squares)
        yield _Block(start, products, squares)


@dataclass(frozen=True)
class _Candidates:
    """The columns of the largest products of some rows, ascending, (r, m), and the least of these products, (r, 1)."""

    rows: Rows
    columns: Rows
    least: Array


def _candidates(products: Array, k: int) -> _Candidates | None:
    """Return the largest products of the rows where they are set apart from the others; None among few columns."""
    n = products.shape[1]
    if n <= 2 * max(_CANDIDATES, k):
        return None
    count = max(_CANDIDATES, 2 * k)
    least = np.partition(products, n - count, axis=1)[:, n - count, None]
    inside = products >= least
    rows = np.flatnonzero(np.count_nonzero(inside, axis=1) == count)
    if len(rows) < len(inside):
        inside = inside[rows]
    columns = np.flatnonzero(inside).reshape(len(rows), count) % n
    return _Candidates(rows, columns, least[rows])


def _fill(found: dict[Metric, Rows], block: _Block, k: int) -> None:
    candidates = _candidates(block.products, k)
    for metric, rows in found.items():
        rows[block.start : block.start + len(block.products)] = _nearest(block, candidates, metric, k)


def _nearest(block: _Block, candidates: _Candidates | None, metric: Metric, k: int) -> Rows:
    """Return the k best columns of each row of a block, ascending."""
    found = np.empty((len(block.products), k), dtype=np.int64)
    left = np.ones(len(found), dtype=bool)
    if candidates is not None:
        rows, columns = candidates.rows, candidates.columns
        squares, own = block.squares[columns], block.own(rows)
        inside, step = _scores(block.products[rows[:, None], columns], metric, squares, own, block.squares.max())
        last = np.partition(inside, -k, axis=1)[:, -k, None]
        proven = (_bound(candidates.least, metric, block.squares, own) < last - step)[:, 0]
        chosen = _top(inside[proven], step[proven], k)
        found[rows[proven]] = columns[proven][chosen].reshape(-1, k)
        left[rows[proven]] = False
    if left.any():
        rows = np.flatnonzero(left)
        scores, step = _scores(block.products[rows], metric, block.squares, block.own(rows), block.squares.max())
        found[rows] = np.nonzero(_top(scores, step, k))[1].reshape(-1, k)
    return found


def _scores(products: Array, metric: Metric, squares: Array, own: Array, largest: float) -> tuple[Array, Array]:
    """Return scores that rank as the metric does (−inf for the row itself), and which differences are ties.

    Parameters
    ----------
    products : ndarray, shape (rows, m)
        Dot products, −inf for the row itself; left as they are.
    metric : {"cosine", "dot_product", "euclidean"}
    squares, own : ndarray, shapes (m,) or (rows, m), and (rows, 1)
        Squared norms of the columns and of the rows.
    largest : float
        The largest squared norm of all.
    """
    scale = np.sqrt(largest * own)
    if metric == "dot_product":
        return products, scale * _STEP
    if metric == "euclidean":
        return products - squares / 2.0, (scale + largest / 2.0) * _STEP
    return products * _inverse(squares) * _inverse(own), np.full_like(own, _STEP)


def _bound(least: Array, metric: Metric, squares: Array, own: Array) -> Array:
    """Return what no column's score exceeds whose product is below `least`; rounding is monotone, so it holds in bits.

    Parameters
    ----------
    least, own : ndarray, shape (rows, 1)
    squares : ndarray, shape (n,)
        Squared norms of all columns.
    """
    if metric == "dot_product":
        return least
    if metric == "euclidean":
        return np.asarray(least - squares.min() / 2.0)
    inverse = _inverse(squares)
    return np.asarray(np.maximum(least * inverse.min(), least * inverse.max()) * _inverse(own))


def _inverse(squares: Array) -> Array:
    return np.asarray(1.0 / np.sqrt(np.where(squares > 0.0, squares, 1.0)))


def _top(scores: Array, step: Array, k: int) -> NDArray[np.bool_]:
    """Return the mask of the k best of each row, ties (scores within `step`, (rows, 1), of the k-th) to the lowest."""
    last = np.partition(scores, -k, axis=1)[:, -k, None]
    chosen: NDArray[np.bool_] = scores >= last - step
    rows = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k)
    if len(rows):
        better = scores[rows] > last[rows] + step[rows]
        equal = chosen[rows] & ~better
        room = k - np.count_nonzero(better, axis=1)
        chosen[rows] = better | (equal & (np.cumsum(equal, axis=1) <= room[:, None]))
    return chosen
