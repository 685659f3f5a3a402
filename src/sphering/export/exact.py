"""Exact search by inner product: blocked float32 products find candidates, float64 scores order them.

The last bits of a float32 product depend on the shape of its block and on the place of a row in it, so equal vectors
would get scores that differ by 1e-7 and their order would be chance. Whatever comes within 1e-6 of the k-th best is
therefore scored again, row by row in float64, where equal vectors have equal scores; ties then go by label.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError

# A float32 product of unit vectors of up to some thousand dimensions is off by less.
_SLACK = 1e-6
_PAIRS = 16384
_QUERIES = 1024


class TopK:
    """The best k rows for each query, over any number of blocks.

    Parameters
    ----------
    queries : ndarray, shape (q, d), float32
        Unit vectors in the space of the rows.
    k : int
    distinct : bool
        A label that several rows have counts once, with the best of them: the best k labels.

    Raises
    ------
    InputError
        If k is not positive or a query is not finite.
    """

    def __init__(self, queries: NDArray[np.float32], k: int, *, distinct: bool = False) -> None:
        if k < 1:
            raise InputError(f"k is {k}", expected="at least 1")
        if queries.ndim != 2 or not np.isfinite(queries).all():
            raise InputError("the queries are no finite (q, d) vectors", expected="unit vectors, one row a query")
        kind = _DistinctPart if distinct else _Part
        self._parts = [kind(queries[start : start + _QUERIES], k) for start in range(0, len(queries), _QUERIES)]

    def update(self, vectors: NDArray[np.float32], labels: NDArray[Any]) -> None:
        """Compare with a block.

        Parameters
        ----------
        vectors : ndarray, shape (m, d), float32
        labels : ndarray, shape (m,)
            Integers or strings; the smaller label wins a tie.
        """
        if not len(vectors):
            return
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        for part in self._parts:
            part.update(rows, labels)

    def result(self) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return labels and float32 scores, each (q, min(k, rows seen)), best first; labels seen where `distinct`."""
        if not self._parts:
            return np.empty((0, 0), dtype=np.int64), np.empty((0, 0), dtype=np.float32)
        scores = np.concatenate([part.scores for part in self._parts])
        return np.concatenate([part.labels for part in self._parts]), scores.astype(np.float32)


class _Part:
    """Up to 1,024 queries with their best rows so far."""

    def __init__(self, queries: NDArray[np.float32], k: int) -> None:
        self.k = k
        self.count = len(queries)
        self.queries = np.ascontiguousarray(queries, dtype=np.float32)
        self.scores = np.empty((self.count, 0))
        self.labels: NDArray[Any] = np.empty((self.count, 0), dtype=np.int64)

    def update(self, vectors: NDArray[np.float32], labels: NDArray[Any]) -> None:
        # One flat list of hits: NumPy finds them several times faster than pairs.
        query, row = np.divmod(np.flatnonzero(self._candidates(self.queries @ vectors.T, labels)), len(vectors))
        scores = _scores(self.queries, vectors, query, row)
        seen = self.scores.shape[1]
        queries = np.concatenate([np.repeat(np.arange(self.count), seen), query])
        values = np.concatenate([self.scores.ravel(), scores])
        names = np.concatenate([self.labels.ravel(), labels[row]]) if seen else labels[row]
        # lexsort takes numbers; the rank of a label stands for it.
        rank = np.unique(names, return_inverse=True)[1]
        order = self._counted(np.lexsort((rank, -values, queries)), queries, rank)
        counts = np.bincount(queries[order], minlength=self.count)
        position = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        best = order[position < self.k]
        # Every query has as many: all that was seen is a candidate until there are k.
        self.scores = values[best].reshape(self.count, -1)
        self.labels = names[best].reshape(self.count, -1)

    def _candidates(self, rough: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which pairs of query and row may be among the best, (q, m)."""
        return self._near(rough, rough)

    def _near(self, rough: NDArray[np.float32], candidates: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which scores, (q, m), reach what k of the candidates of their query reach."""
        least = (self._thresholds(candidates) - _SLACK).astype(np.float32)
        return np.asarray(rough >= least[:, None])

    def _counted(
        self, order: NDArray[np.int64], queries: NDArray[np.int64], rank: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return which pairs count, of pairs from best to worst for each query."""
        return order

    def _thresholds(self, rough: NDArray[np.float32]) -> NDArray[Any]:
        """Return, for each query, a score that its k best all reach; −inf while fewer than k were seen."""
        if self.scores.shape[1] == self.k:
            known: NDArray[np.float64] = self.scores[:, -1]
            return known
        if rough.shape[1] < self.k:
            return np.full(self.count, -np.inf)
        kth: NDArray[np.float32] = np.partition(rough, rough.shape[1] - self.k, axis=1)[:, -self.k]
        return kth


class _DistinctPart(_Part):
    """The same, where a label counts once."""

    def _candidates(self, rough: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.bool_]:
        codes = np.unique(labels, return_inverse=True)[1]
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        best = np.maximum.reduceat(rough[:, order], starts, axis=1)
        return self._near(rough, best) & (rough >= (best - np.float32(_SLACK))[:, codes])

    def _counted(
        self, order: NDArray[np.int64], queries: NDArray[np.int64], rank: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        pairs = queries[order] * (rank.max(initial=0) + 1) + rank[order]
        first = np.unique(pairs, return_index=True)[1]
        return order[np.sort(first)]


def _scores(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], query: NDArray[np.int64], row: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the float64 inner products of pairs (query, row), (p,); a pair's bits do not depend on the others."""
    out = np.empty(len(row))
    for start in range(0, len(row), _PAIRS):
        part = slice(start, start + _PAIRS)
        left, right = queries[query[part]].astype(np.float64), vectors[row[part]].astype(np.float64)
        out[part] = np.einsum("pd,pd->p", left, right)
    return out
