"""Exact search by inner product: blocked float32 products, the best k kept, ties in the order of their labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError

# Equal vectors must get equal scores, or their order would be chance: a product's last bits depend on the kernel that
# BLAS takes for its shape, so every product is padded to multiples of these.
_ROW_MULTIPLE = 1024
_QUERY_MULTIPLE = 64
_QUERIES = 1024


class TopK:
    """The best k rows for each query, over any number of blocks.

    Parameters
    ----------
    queries : ndarray, shape (q, d), float32
        Unit vectors in the space of the rows.
    k : int

    Raises
    ------
    InputError
        If k is not positive or a query is not finite.
    """

    def __init__(self, queries: NDArray[np.float32], k: int) -> None:
        if k < 1:
            raise InputError(f"k is {k}", expected="at least 1")
        if queries.ndim != 2 or not np.isfinite(queries).all():
            raise InputError("the queries are no finite (q, d) vectors", expected="unit vectors, one row a query")
        self._parts = [_Part(queries[start : start + _QUERIES], k) for start in range(0, len(queries), _QUERIES)]

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
        padded = _pad(vectors, _ROW_MULTIPLE)
        for part in self._parts:
            part.update(padded, len(vectors), labels)

    def result(self) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return labels and scores, each (q, min(k, rows seen)), best first."""
        if not self._parts:
            return np.empty((0, 0), dtype=np.int64), np.empty((0, 0), dtype=np.float32)
        return np.concatenate([part.labels for part in self._parts]), np.concatenate(
            [part.scores for part in self._parts]
        )


class _Part:
    """Up to 1,024 queries with their best rows so far."""

    def __init__(self, queries: NDArray[np.float32], k: int) -> None:
        self.k = k
        self.count = len(queries)
        self.columns = _pad(queries, _QUERY_MULTIPLE).T
        self.scores = np.empty((self.count, 0), dtype=np.float32)
        self.labels: NDArray[Any] = np.empty((self.count, 0), dtype=np.int64)

    def update(self, padded: NDArray[np.float32], rows: int, labels: NDArray[Any]) -> None:
        scores = (padded @ self.columns)[:rows, : self.count]
        row, query = np.nonzero(scores >= self._thresholds(scores))
        seen = self.scores.shape[1]
        queries = np.concatenate([np.repeat(np.arange(self.count), seen), query])
        values = np.concatenate([self.scores.ravel(), scores[row, query]])
        names = np.concatenate([self.labels.ravel(), labels[row]]) if seen else labels[row]
        # lexsort takes numbers; the rank of a label stands for it.
        rank = np.unique(names, return_inverse=True)[1]
        order = np.lexsort((rank, -values, queries))
        counts = np.bincount(queries, minlength=self.count)
        position = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        best = order[position < self.k]
        width = min(self.k, seen + rows)
        self.scores = values[best].reshape(self.count, width)
        self.labels = names[best].reshape(self.count, width)

    def _thresholds(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return, for each query, a score that its k best all reach; −inf while fewer than k were seen."""
        if self.scores.shape[1] == self.k:
            known: NDArray[np.float32] = self.scores[:, -1]
            return known
        if len(scores) < self.k:
            return np.full(self.count, -np.inf, dtype=np.float32)
        kth: NDArray[np.float32] = np.partition(scores, len(scores) - self.k, axis=0)[-self.k]
        return kth


def _pad(rows: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    missing = -len(rows) % multiple
    if not missing:
        return np.ascontiguousarray(rows, dtype=np.float32)
    return np.concatenate([rows, np.zeros((missing, rows.shape[1]), dtype=np.float32)]).astype(np.float32, copy=False)
