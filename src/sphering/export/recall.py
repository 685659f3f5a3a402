"""Recall@10 of an index against exact search, counted by score, with an interval over the queries.

A hit is a returned row whose exact inner product reaches that of the 10th best, less 1e-6. Counted by id, an exact
index over a corpus with duplicates would not reach 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.export.exact import TopK
from sphering.export.index_build import ADD_ROWS, build, put_chain
from sphering.export.matrix import Matrix
from sphering.export.protocol import ExportJob
from sphering.geometry.estimate import Estimate, undefined

K = 10
TOLERANCE = 1e-6
SEED = 0
TOO_FEW = "one distinct text: none can be left out to be a query"
VANISHED = "the transform leaves nothing of any query"
_RESAMPLES = 1000
_ROWS = 8192


@dataclass(frozen=True)
class _Base:
    """The rows of a matrix that an index holds, in its order: all, or those that `kept` names."""

    matrix: Matrix
    kept: NDArray[np.bool_] | None = None

    @property
    def count(self) -> int:
        return self.matrix.n if self.kept is None else int(self.kept.sum())

    def places(self) -> NDArray[np.int64]:
        """Return the row of the matrix of each id of the index."""
        return np.arange(self.matrix.n) if self.kept is None else np.flatnonzero(self.kept)

    def blocks(self, rows: int = _ROWS) -> Iterator[NDArray[np.float32]]:
        start = 0
        for block in self.matrix.blocks(rows):
            yield block if self.kept is None else block[self.kept[start : start + len(block)]]
            start += len(block)


def measure_recall(job: ExportJob, index: Any, *, exact_index: bool) -> dict[str, Any]:
    """Return the recall@10 of a published index as JSON values: an Estimate with its method.

    Where there is no query it is undefined, with the reason; a gate on it then passes.

    With queries of an evaluation they are put to the index itself, and so are documents to an exact index. Else a
    probe index of the same parameters is built without the texts of smallest hash, and those are its queries: put to
    an index that holds them they would find themselves.
    """
    if job.queries is not None and len(job.queries):
        return _measured(job, index, _Base(job.matrix), job.queries, "the evaluation's queries, put to this index")
    held_out = job.matrix.held_out()
    queries = _held_out_vectors(job, held_out)
    if exact_index:
        return _measured(job, index, _Base(job.matrix), queries, "documents as queries, put to this exact index")
    base = _Base(job.matrix, ~held_out)
    if not len(queries) or not base.count:
        return undefined(TOO_FEW).to_json()
    probe = put_chain(build(job.config, job.matrix.d, base.count, lambda: base.blocks(ADD_ROWS)), job.transform)
    method = f"a probe index of the same parameters without the {len(queries)} texts of smallest hash, its queries"
    return _measured(job, probe, base, queries, method)


def _held_out_vectors(job: ExportJob, held_out: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the raw vectors of the distinct held-out texts, (m, d)."""
    from sphering.export.rows import held_out_texts

    size = held_out_texts(job.snapshot.manifest.texts) if held_out.any() else 0
    return job.snapshot.sample(size).vectors


def _measured(job: ExportJob, index: Any, base: _Base, raw: NDArray[np.float32], method: str) -> dict[str, Any]:
    unit = job.transform.apply(raw)
    kept = unit.any(axis=1)
    if not kept.any():
        return {**undefined(TOO_FEW if not len(raw) else VANISHED).to_json(), "method": method}
    shares = recalls(index, base, raw[kept], unit[kept])
    value = float(shares.mean())
    estimate = Estimate(value, "sampled", len(shares), SEED, interval(shares))
    return {**estimate.to_json(), "method": method}


def recalls(index: Any, base: _Base, raw: NDArray[np.float32], unit: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the recall@10 of each query, (q,).

    Parameters
    ----------
    index : faiss index that takes raw vectors
    base : the rows that it holds
    raw, unit : ndarray, shape (q, d) and (q, k), float32
        The queries before and after the transform.
    """
    best = TopK(unit, K)
    start = 0
    for block in base.blocks():
        best.update(block, np.arange(start, start + len(block)))
        start += len(block)
    wanted = best.result()[1]
    width = wanted.shape[1]
    ids = index.search(np.ascontiguousarray(raw, dtype=np.float32), width)[1]
    scores = _exact_scores(base, ids, unit)
    hits: NDArray[np.bool_] = scores >= wanted[:, -1:] - TOLERANCE
    shares: NDArray[np.float64] = hits.mean(axis=1)
    return shares


def _exact_scores(base: _Base, ids: NDArray[np.int64], unit: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the inner products of queries and returned rows, (q, k); −inf where the index returned nothing."""
    vectors = base.matrix.vectors()
    places = base.places()
    scores = np.full(ids.shape, -np.inf)
    for start in range(0, len(ids), 256):
        part = ids[start : start + 256]
        rows = vectors[places[np.maximum(part, 0)]].astype(np.float64)
        found = np.einsum("qkd,qd->qk", rows, unit[start : start + 256].astype(np.float64))
        scores[start : start + 256] = np.where(part >= 0, found, -np.inf)
    return scores


def interval(shares: NDArray[np.float64]) -> tuple[float, float]:
    """Return a 95 % interval of the mean: percentiles of 1,000 bootstrap resamples of the queries, seeded.

    Where all queries are alike the bootstrap has no width; then the rule of three bounds the share that was not seen
    (3/n; Hanley and Lippman-Hand 1983).
    """
    n = len(shares)
    if np.ptp(shares) == 0:
        value = float(shares[0])
        return max(0.0, value - 3.0 / n), min(1.0, value if value == 1.0 else value + 3.0 / n)
    picked = np.random.default_rng(SEED).integers(0, n, size=(_RESAMPLES, n))
    low, high = np.percentile(shares[picked].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
