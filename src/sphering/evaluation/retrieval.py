"""How well a search finds what is relevant: nDCG, recall, reciprocal rank and precision, by the library ir-measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sphering.export.search import Hits
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.report.measured import share_interval

DEPTH = 100
"""How many hits of a query are looked at."""
METRICS = ("ndcg_at_10", "recall_at_1", "recall_at_10", "recall_at_100", "mrr_at_10", "map_at_100")


def retrieval_metrics(query_ids: Sequence[str], hits: Hits, judgements: pl.DataFrame) -> dict[str, Estimate]:
    """Return the metrics of some queries, means over queries with a 95 % interval.

    Parameters
    ----------
    query_ids : sequence of str
        Of q queries, each with a relevant document.
    hits : Hits
        The best 100 documents of each, or all.
    judgements : polars.DataFrame
        query_id, doc_id, relevance.
    """
    import ir_measures
    from ir_measures import AP, RR, R, nDCG

    names = dict(zip((nDCG @ 10, R @ 1, R @ 10, R @ DEPTH, RR @ 10, AP @ DEPTH), METRICS, strict=True))
    qrels = (ir_measures.Qrel(*row) for row in judgements.select("query_id", "doc_id", "relevance").rows())
    # trec_eval sorts by score itself and breaks ties by descending id: the rank stands for the score.
    run = (
        ir_measures.ScoredDoc(query, doc_id, float(-rank))
        for query, row in zip(query_ids, hits.doc_ids, strict=True)
        for rank, doc_id in enumerate(row)
    )
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    wanted = set(query_ids)
    for metric in ir_measures.iter_calc(list(names), qrels, run):
        if metric.query_id in wanted:
            values[names[metric.measure]].append(metric.value)
    return {name: _mean(np.array(found)) for name, found in values.items()}


def no_metrics(reason: str) -> dict[str, Estimate]:
    """Return the metrics of no query."""
    return dict.fromkeys(METRICS, undefined(reason))


def _mean(values: NDArray[np.float64]) -> Estimate:
    """Return the mean of numbers in [0, 1] with its interval over queries; one query says nothing of the next.

    Wilson's interval keeps its width where all queries score alike; the normal one would have none.
    """
    mean, n = min(float(values.mean()), 1.0), len(values)
    return exact(mean, n, share_interval(mean, n) if n > 1 else None)
