"""What a choice of the transform is judged by: for each kind of evaluation, one number per item under any map.

A transform is compared with another by a paired bootstrap over the items, and is fitted without the documents that an
item scores. So an item has the hashes of these, and its number can be computed for some items alone, those of a fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array
from sphering.geometry.rank_correlation import spearman

Apply = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A map of raw vectors, (n, d) float32, to unit vectors, (n, k) float32; `Transform.apply` is one."""
Rows = NDArray[np.int64]
Hashes = tuple[tuple[bytes, ...], ...]
"""For each item the SHA-256, 32 bytes each, of the texts of the documents that it scores."""

CUT = 10
# A float32 product of unit vectors is off by less: what comes so near counts as equal, and equal as before.
_SLACK = np.float32(1e-6)
_BLOCK = 256


@dataclass(frozen=True)
class Outcome:
    """What came of the items under one map.

    Parameters
    ----------
    values : ndarray, shape (items,), float64
    reduce : callable
        Gives the statistic of some items, from all values and the items' numbers.
    """

    values: Array
    reduce: Callable[[Array, Rows], float]

    def statistic(self, rows: Rows) -> float:
        """Return the statistic of some items, (m,) int64, each as often as it is named; larger is better."""
        return self.reduce(self.values, rows)


@dataclass(frozen=True)
class Supervision:
    """The items of one kind of evaluation.

    Parameters
    ----------
    kind : str
        pairs, queries, halves or labels.
    metric : str
        The statistic: spearman, mrr_at_10 or accuracy_1nn.
    hashes : tuple of tuple of bytes
    score : callable
        Gives the numbers of some items under a map.
    reduce : callable
        See `Outcome`.
    """

    kind: str
    metric: str
    hashes: Hashes
    score: Callable[[Apply, Rows], Array]
    reduce: Callable[[Array, Rows], float]

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self.hashes)

    def values(self, apply: Apply, rows: Rows | None = None) -> Array:
        """Return the numbers of some items under a map, (m,) float64; by default of all."""
        return self.score(apply, np.arange(self.items) if rows is None else rows)

    def outcome(self, apply: Apply) -> Outcome:
        """Return what comes of all items under a map."""
        return self.outcome_of(self.values(apply))

    def outcome_of(self, values: Array) -> Outcome:
        """Return the outcome of numbers of all items, such as those of folds put together."""
        return Outcome(values, self.reduce)


def of_pairs(first: NDArray[np.float32], second: NDArray[np.float32], scores: Array, hashes: Hashes) -> Supervision:
    """Return scored pairs as supervision: the cosine of each pair; its statistic is Spearman's ρ with the scores.

    Parameters
    ----------
    first, second : ndarray, shape (n, d), float32
        Raw vectors.
    scores : ndarray, shape (n,), float64
    """

    def score(apply: Apply, rows: Rows) -> Array:
        return pair_cosines(apply(first[rows]), apply(second[rows]))

    def reduce(values: Array, rows: Rows) -> float:
        return spearman(values[rows], scores[rows]) or 0.0

    return Supervision("pairs", "spearman", hashes, score, reduce)


def of_matches(
    kind: str,
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    relevant: NDArray[np.bool_],
    hashes: Hashes,
) -> Supervision:
    """Return queries as supervision: 1/rank of the best relevant candidate, 0 beyond the tenth; their mean is MRR@10.

    A candidate that comes within 1e-6 of the best relevant one counts as before it, so that a map that makes all alike
    finds nothing.

    Parameters
    ----------
    queries, candidates : ndarray, shapes (q, d) and (c, d), float32
        Raw vectors.
    relevant : ndarray, shape (q, c), bool
        Each query has at least one.
    """

    def score(apply: Apply, rows: Rows) -> Array:
        asked, found = apply(queries[rows]), apply(candidates)
        out = np.empty(len(rows))
        with one_blas_thread():
            for start in range(0, len(rows), _BLOCK):
                part = slice(start, start + _BLOCK)
                out[part] = _reciprocal_ranks(asked[part] @ found.T, relevant[rows[part]])
        return out

    return Supervision(kind, f"mrr_at_{CUT}", hashes, score, _mean)


def of_labels(vectors: NDArray[np.float32], labels: NDArray[np.int64], hashes: Hashes) -> Supervision:
    """Return labelled texts as supervision: whether the nearest other text by cosine has the same label.

    Parameters
    ----------
    vectors : ndarray, shape (n, d), float32
        Raw vectors of at least two distinct texts.
    labels : ndarray, shape (n,), int64
    """

    def score(apply: Apply, rows: Rows) -> Array:
        found = apply(vectors)
        out = np.empty(len(rows))
        with one_blas_thread():
            for start in range(0, len(rows), _BLOCK):
                own = rows[start : start + _BLOCK]
                cosines = found[own] @ found.T
                cosines[np.arange(len(own)), own] = -np.inf
                out[start : start + _BLOCK] = labels[cosines.argmax(axis=1)] == labels[own]
        return out

    return Supervision("labels", "accuracy_1nn", hashes, score, _mean)


def pair_cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> Array:
    """Return the inner products of the rows of two (n, k) float32 arrays, in float64."""
    products: Array = np.einsum("ij,ij->i", first.astype(np.float64), second.astype(np.float64))
    return products


def _reciprocal_ranks(cosines: NDArray[np.float32], relevant: NDArray[np.bool_]) -> Array:
    best = np.where(relevant, cosines, np.float32(-np.inf)).max(axis=1, keepdims=True)
    before = ((cosines > best - _SLACK) & ~relevant).sum(axis=1)
    return np.where(before < CUT, 1.0 / (1.0 + before), 0.0)


def _mean(values: Array, rows: Rows) -> float:
    return float(values[rows].mean())
