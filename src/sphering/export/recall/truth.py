"""What exact search finds: the scores that an approximate one is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.export.exact import nearest
from sphering.export.matrix.rows import Rows

DEPTH = 100
TOLERANCE = 1e-6
_ROWS = 8192  # that are scored at once


@dataclass(frozen=True)
class Truth:
    """Queries, and the best scores that rows have for them.

    Parameters
    ----------
    rows : Rows
        What is searched; scores are those of its full float32 vectors, whatever an export makes of them.
    raw, unit : ndarray, shape (q, d) and (q, k), float32
        The queries before and after the transform.
    scores : ndarray, shape (q, min(100, n)), float32
        Exact inner products, best first.
    """

    rows: Rows
    raw: NDArray[np.float32]
    unit: NDArray[np.float32]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Rows, raw: NDArray[np.float32], unit: NDArray[np.float32]) -> Truth:
        """Return the truth of some queries; streamed over the rows, memory is one block."""
        full = Rows(rows.matrix, kept=rows.kept)
        return cls(full, raw, unit, nearest(full.blocks(), unit, DEPTH)[1])

    def scores_of(self, found: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the exact scores of the rows that a search found, (q, k); −inf where it found none."""
        places = self.rows.places()
        scores = np.full(found.shape, -np.inf)
        step = max(1, _ROWS // found.shape[1])
        for start in range(0, len(found), step):
            part = found[start : start + step]
            rows = self.rows.matrix.rows_at(places[np.maximum(part, 0)]).astype(np.float64)
            exact = np.einsum("qkd,qd->qk", rows, self.unit[start : start + step].astype(np.float64))
            scores[start : start + step] = np.where(part >= 0, exact, -np.inf)
        return scores

    def recalls(self, found: NDArray[np.int64], k: int) -> NDArray[np.float64]:
        """Return the recall@k of each query, (q,): how many of the rows that were found reach the k-th best score.

        A row that was found twice counts once.

        Parameters
        ----------
        found : ndarray, shape (q, m), int64
            With m > k it is the recall after the m were scored again with full vectors.
        k : int
        """
        wanted = min(k, self.scores.shape[1])
        hits = self.scores_of(_once(found)) >= self.scores[:, wanted - 1 : wanted] - TOLERANCE
        shares: NDArray[np.float64] = np.minimum(hits.sum(axis=1), wanted) / wanted
        return shares


def _once(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rows with −1 in place of each repetition within a query."""
    order = np.argsort(found, axis=1, kind="stable")
    ordered = np.take_along_axis(found, order, axis=1)
    repeated = np.zeros(found.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return np.where(repeated, -1, found)
