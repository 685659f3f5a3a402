"""Exact search by inner product: blocked float32 products find candidates, float64 scores order them.

The last bits of a float32 product depend on the shape of its block and on the place of a row in it, so equal vectors
would get scores that differ by 1e-7 and their order would be chance. Whatever comes within 1e-6 of the k-th best is
therefore scored again, row by row in float64, where equal vectors have equal scores; ties then go by label.

Almost all of the time is the float32 products, on every core: each works its own queries, on one BLAS thread. Per
block only one comparison is added to them, with a score that k rows of each query reach; what passes is scored and
waits, and is merged with the best so far once it is half as much as those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.cores import available_cores
from sphering.errors import InputError
from sphering.geometry.blas import one_blas_thread

# A float32 product of unit vectors of up to some thousand dimensions is off by less.
_SLACK = 1e-6
_PAIRS = 256  # their vectors stay in the cache: 0.4 µs each, 1.3 µs with 16,384 of 384 dimensions
_QUERIES = 512  # at most of a part, and _LEAST_QUERIES at least: a product with fewer is slower
_LEAST_QUERIES = 64
_ROWS = 2048  # the scores of a part, 4 MB, stay near the core
_FIRST_ROWS = 8192  # the more at first, the fewer pass later on


def nearest(
    blocks: Iterable[NDArray[np.float32]], queries: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k rows with the largest inner product for each query, exactly, of any number of blocks of rows.

    Parameters
    ----------
    blocks : iterable of ndarray, each (m, d) float32
        The rows, numbered from 0 as they come; memory is one block.
    queries : ndarray, shape (q, d), float32
        Unit vectors in the space of the rows.
    k : int

    Returns
    -------
    rows, scores : ndarray, (q, min(k, rows)), int64 and float32
        Best first; equal scores in the order of rows.

    Raises
    ------
    InputError
        If k is not positive or a query is not finite.
    """
    best = TopK(queries, k)
    start = 0
    for block in blocks:
        best.update(block, np.arange(start, start + len(block)))
        start += len(block)
    return best.result()


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
        count = min(len(queries) // _LEAST_QUERIES, _whole_rounds(len(queries)))
        self._parts = [kind(part, k) for part in np.array_split(queries, max(1, count)) if len(part)]

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
        self._each(lambda part: part.update(rows, labels))

    def result(self) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return labels and float32 scores, each (q, min(k, rows seen)), best first; labels seen where `distinct`."""
        if not self._parts:
            return np.empty((0, 0), dtype=np.int64), np.empty((0, 0), dtype=np.float32)
        self._each(_Part.merge)
        labels, scores = zip(*[part.best() for part in self._parts], strict=True)
        return np.concatenate(labels), np.concatenate(scores).astype(np.float32)

    def _each(self, work: Callable[[_Part], None]) -> None:
        workers = min(available_cores(), len(self._parts))
        with one_blas_thread():
            if workers < 2:
                for part in self._parts:
                    work(part)
                return
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, self._parts))


def _whole_rounds(queries: int) -> int:
    """Return how many parts of at most 512 queries keep every core busy until the last."""
    cores = available_cores()
    return -(-queries // (_QUERIES * cores)) * cores


class _Part:
    """Some of the queries with their best rows so far, and with scored rows that wait to be merged with those."""

    def __init__(self, queries: NDArray[np.float32], k: int) -> None:
        self.k = k
        self.count = len(queries)
        self.queries = np.ascontiguousarray(queries, dtype=np.float32)
        self._pairs: list[_Pairs] = []
        self._waiting = 0
        self._least: NDArray[np.float32] | None = None  # None while fewer than k were seen

    def update(self, vectors: NDArray[np.float32], labels: NDArray[Any]) -> None:
        start = 0
        while start < len(vectors):
            stop = start + (_FIRST_ROWS if self._least is None else _ROWS)
            self._compare(vectors[start:stop], labels[start:stop])
            start = stop

    def best(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return labels and scores of what was merged, (count, min(k, rows seen))."""
        if not self._pairs:
            return np.empty((self.count, 0), dtype=np.int64), np.empty((self.count, 0))
        (found,) = self._pairs
        # Every query has as many: all that was seen is a candidate until there are k.
        return found.labels.reshape(self.count, -1), found.scores.reshape(self.count, -1)

    def merge(self) -> None:
        """Keep the k best pairs of each query, from best to worst, query by query."""
        if not self._pairs:
            return
        pairs = _Pairs.joined(self._pairs)
        pairs = pairs.taken(self._counted(pairs, pairs.order()))
        ends = np.cumsum(np.bincount(pairs.queries, minlength=self.count))
        position = np.arange(len(pairs.queries)) - np.concatenate([[0], ends])[pairs.queries]
        pairs = pairs.taken(np.flatnonzero(position < self.k))
        self._pairs, self._waiting = [pairs], 0
        if len(pairs.queries) == self.count * self.k:
            self._least = _reached(pairs.scores[self.k - 1 :: self.k])

    def _compare(self, vectors: NDArray[np.float32], labels: NDArray[Any]) -> None:
        rough = (vectors @ self.queries.T).T  # the other way round OpenBLAS takes 4 % longer
        first = self._least is None
        near = self._candidates(rough, labels) if self._least is None else rough >= self._least[:, None]
        # One flat list of hits: NumPy finds them several times faster than pairs.
        row, query = np.divmod(np.flatnonzero(near.T), self.count)
        if not len(row):
            return
        scores = _scores(self.queries, vectors, query, row)
        self._pairs.append(_Pairs(query.astype(np.uint16), scores, labels[row]))
        self._waiting += len(row)
        if first or 2 * self._waiting > self.count * self.k:
            self.merge()

    def _candidates(self, rough: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which pairs of query and row of a first block may be among the best, (q, m)."""
        return self._near(rough, rough)

    def _near(self, rough: NDArray[np.float32], candidates: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which scores, (q, m), reach what k of the candidates of their query reach; all where there are few."""
        if candidates.shape[1] < self.k:
            return np.ones(rough.shape, dtype=bool)
        kth = np.partition(candidates, candidates.shape[1] - self.k, axis=1)[:, -self.k]
        return np.asarray(rough >= _reached(kth)[:, None])

    def _counted(self, pairs: _Pairs, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which pairs count, of pairs from best to worst for each query."""
        return order


class _DistinctPart(_Part):
    """The same, where a label counts once."""

    def _candidates(self, rough: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.bool_]:
        codes = np.unique(labels, return_inverse=True)[1]
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        best = np.maximum.reduceat(rough[:, order], starts, axis=1)
        return self._near(rough, best) & (rough >= _reached(best)[:, codes])

    def _counted(self, pairs: _Pairs, order: NDArray[np.int64]) -> NDArray[np.int64]:
        rank = np.unique(pairs.labels, return_inverse=True)[1]
        named = pairs.queries[order].astype(np.int64) * len(rank) + rank[order]
        first: NDArray[np.int64] = np.unique(named, return_index=True)[1]
        return order[np.sort(first)]


@dataclass(frozen=True)
class _Pairs:
    """Queries, by their place in their part, with rows that were scored; each (p,)."""

    queries: NDArray[np.uint16]
    scores: NDArray[np.float64]
    labels: NDArray[Any]

    @classmethod
    def joined(cls, parts: list[_Pairs]) -> _Pairs:
        return cls(
            np.concatenate([part.queries for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.labels for part in parts]),
        )

    def taken(self, at: NDArray[np.int64]) -> _Pairs:
        return _Pairs(self.queries[at], self.scores[at], self.labels[at])

    def order(self) -> NDArray[np.int64]:
        """Return the order by query, then from the best score, then by label."""
        order: NDArray[np.int64] = np.argsort(-self.scores)
        # Few queries, in 16 bits, are sorted by their digits: two sorts take less than half the time of np.lexsort.
        order = order[np.argsort(self.queries[order], kind="stable")]
        query, score = self.queries[order], self.scores[order]
        alike = (query[1:] == query[:-1]) & (score[1:] == score[:-1])
        tied = np.flatnonzero(np.append(alike, False) | np.append(False, alike))
        if not len(tied):
            return order
        # lexsort takes numbers; the rank of a label stands for it.
        rank = np.unique(self.labels[order[tied]], return_inverse=True)[1]
        order[tied] = order[tied[np.lexsort((rank, -score[tied], query[tied]))]]
        return order


def _reached(scores: NDArray[Any]) -> NDArray[np.float32]:
    """Return what float32 scores of rows must reach to be as good as rows of these scores."""
    return np.asarray(scores - _SLACK).astype(np.float32)


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
