"""How well exact search finds what was judged relevant: nDCG@10, recall@10 and MRR@10, by the library ir-measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sphering.errors import IdentityError
from sphering.evaluation.keep import Evaluation
from sphering.export.search import Hits, search, unit_vectors
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.report.measured import number, share_interval
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform

K = 10
_NOTHING = "no query is judged on a document of this corpus"


@dataclass(frozen=True)
class Retrieval:
    """Retrieval metrics, and what the judgements could not be used for.

    Parameters
    ----------
    metrics : dict
        ndcg_at_10, recall_at_10 and mrr_at_10: means over queries with a 95 % interval.
    queries : int
        Queries with a relevant document in the corpus: those that are measured.
    queries_left_out : int
        Queries whose relevant documents the corpus lacks.
    judgements_missing : int
        Judgements on documents that the corpus lacks.
    """

    metrics: dict[str, Estimate]
    queries: int
    queries_left_out: int
    judgements_missing: int


def retrieval_metrics(snapshot: Snapshot, transform: Transform, evaluation: Evaluation) -> dict[str, Any]:
    """Return what the report says of an evaluation, as JSON values.

    The keys are evaluation (its id), queries, queries_left_out, judgements_missing, and `raw` and `transformed`, each
    with ndcg_at_10, recall_at_10 and mrr_at_10.
    """
    raw = retrieval(snapshot, None, evaluation)
    transformed = retrieval(snapshot, transform, evaluation)
    return {
        "evaluation": evaluation.id,
        "queries": raw.queries,
        "queries_left_out": raw.queries_left_out,
        "judgements_missing": raw.judgements_missing,
        "raw": {name: number(estimate, "queries") for name, estimate in raw.metrics.items()},
        "transformed": {name: number(estimate, "queries") for name, estimate in transformed.metrics.items()},
    }


def retrieval(snapshot: Snapshot, transform: Transform | None, evaluation: Evaluation) -> Retrieval:
    """Return the retrieval metrics of exact search under a transform; None: the raw vectors' cosines.

    Judged are source documents: of one that was cut into chunks its best chunk counts.
    Judgements on documents that the corpus lacks are left out and counted, and so are queries that none is left for.

    Raises
    ------
    IdentityError
        If the queries were encoded by another encoder than the documents.
    """
    if evaluation.encoder != snapshot.manifest.encoder:
        raise IdentityError(
            f"the evaluation's queries are vectors of the encoder {evaluation.encoder}",
            expected=f"{snapshot.manifest.encoder}, the encoder of the snapshot {snapshot.id}",
        )
    known = _known(snapshot, evaluation.judgements)
    relevant = known.filter(pl.col("relevance") > 0)["query_id"].unique()
    measured = np.isin(np.array(evaluation.query_ids), relevant.to_numpy())
    left_out = int((~measured).sum())
    missing = len(evaluation.judgements) - len(known)
    if not measured.any():
        nothing = undefined(_NOTHING)
        names = ("ndcg_at_10", "recall_at_10", "mrr_at_10")
        return Retrieval(dict.fromkeys(names, nothing), 0, left_out, missing)
    queries = unit_vectors(evaluation.vectors[measured], transform)
    hits = search(snapshot, transform, queries, K, source_documents=True)
    query_ids = [name for name, kept in zip(evaluation.query_ids, measured, strict=True) if kept]
    return Retrieval(_metrics(query_ids, hits, known), len(query_ids), left_out, missing)


def _known(snapshot: Snapshot, judgements: pl.DataFrame) -> pl.DataFrame:
    """Return the judgements on documents that the snapshot holds."""
    wanted = judgements["doc_id"].unique()
    name = "doc_id" if snapshot.manifest.chunk is None else "parent"
    found = snapshot.scan().select(doc_id=name).filter(pl.col("doc_id").is_in(wanted.to_list())).collect()
    return judgements.join(found, on="doc_id", how="semi")


def _metrics(query_ids: list[str], hits: Hits, judgements: pl.DataFrame) -> dict[str, Estimate]:
    import ir_measures
    from ir_measures import RR, R, nDCG

    names = {nDCG @ K: "ndcg_at_10", R @ K: "recall_at_10", RR @ K: "mrr_at_10"}
    qrels = (ir_measures.Qrel(*row) for row in judgements.select("query_id", "doc_id", "relevance").rows())
    # trec_eval sorts by score itself and breaks ties by descending id: the rank stands for the score.
    run = (
        ir_measures.ScoredDoc(query, doc_id, float(-rank))
        for query, row in zip(query_ids, hits.doc_ids, strict=True)
        for rank, doc_id in enumerate(row)
    )
    values: dict[str, list[float]] = {name: [] for name in names.values()}
    wanted = set(query_ids)
    for metric in ir_measures.iter_calc(list(names), qrels, run):
        if metric.query_id in wanted:
            values[names[metric.measure]].append(metric.value)
    return {name: _mean(np.array(found)) for name, found in values.items()}


def _mean(values: NDArray[np.float64]) -> Estimate:
    """Return the mean of numbers in [0, 1] with its interval over queries; one query says nothing of the next.

    Wilson's interval keeps its width where all queries score alike; the normal one would have none.
    """
    mean, n = min(float(values.mean()), 1.0), len(values)
    return exact(mean, n, share_interval(mean, n) if n > 1 else None)
