"""nDCG@10, recall@10 and MRR@10 against plain loops over the definitions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.model import TransformConfig
from sphering.errors import IdentityError
from sphering.evaluation.keep import Evaluation
from sphering.evaluation.retrieval import _metrics, retrieval, retrieval_metrics
from sphering.export.search import Hits
from sphering.geometry.moments import Moments
from sphering.store.shard import schema, write_shard
from sphering.store.snapshot import Snapshot
from sphering.transform import fit


@pytest.fixture(scope="module")
def evaluation(encoder, questions, qrels):
    ordered = questions.sort("id")
    return Evaluation(
        id="v" * 16,
        encoder=encoder.identity.id,
        query_ids=ordered["id"].to_list(),
        texts=ordered["text"].to_list(),
        vectors=encoder.encode(ordered["text"].to_list(), role="query").vectors,
        judgements=qrels.rename({"relevant": "relevance"}),
    )


@pytest.fixture(scope="module")
def centred(paragraphs):
    moments = Moments.empty(paragraphs.dimension)
    for block in paragraphs.vectors():
        moments.update(block)
    return fit(TransformConfig(kind="center"), moments, encoder=paragraphs.manifest.encoder, snapshot=paragraphs.id)


def _naive(snapshot, evaluation, judgements):
    """Return per-query (ndcg, recall, rr) at 10 of cosine search, by their definitions."""
    frame = snapshot.scan().collect()
    rows = frame["embedding"].to_numpy().astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = frame["doc_id"].to_list()
    gains = {}
    for query, doc_id, relevance in judgements.select("query_id", "doc_id", "relevance").rows():
        if doc_id in names:
            gains.setdefault(query, {})[doc_id] = relevance
    found = []
    for query, vector in zip(evaluation.query_ids, evaluation.vectors.astype(np.float64), strict=True):
        mine = gains.get(query, {})
        if not any(mine.values()):
            continue
        best = [names[row] for row in np.argsort(-(rows @ vector), kind="stable")[:10]]
        dcg = sum(mine.get(name, 0) / math.log2(rank + 2) for rank, name in enumerate(best))
        ideal = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(sorted(mine.values(), reverse=True)[:10]))
        hits = [mine.get(name, 0) > 0 for name in best]
        first = hits.index(True) + 1 if any(hits) else math.inf
        found.append((dcg / ideal, sum(hits) / sum(gain > 0 for gain in mine.values()), 1 / first))
    return np.array(found)


def test_the_metrics_are_those_of_their_definitions(paragraphs, evaluation):
    expected = _naive(paragraphs, evaluation, evaluation.judgements)
    found = retrieval(paragraphs, None, evaluation)
    for column, name in enumerate(["ndcg_at_10", "recall_at_10", "mrr_at_10"]):
        estimate = found.metrics[name]
        assert estimate.value == pytest.approx(expected[:, column].mean(), abs=1e-9), name
        assert estimate.n == len(expected) == found.queries
        low, high = estimate.interval
        assert low <= estimate.value <= high
    assert found.metrics["recall_at_10"].value > 0.9


@pytest.fixture(scope="module")
def chunked(paragraphs, tmp_path_factory):
    """The same paragraphs as chunks, three of each of forty source documents."""
    table = pq.read_table(paragraphs.paths[0])
    order = np.arange(len(table))
    places = {
        "parent": pa.array([f"source-{row // 3}" for row in order]),
        "ordinal": pa.array(order % 3, pa.int32()),
        "start": pa.array(order, pa.int32()),
        "end": pa.array(order + 1, pa.int32()),
    }
    columns = {**{name: table[name] for name in table.column_names}, **places}
    target = schema(paragraphs.dimension, chunked=True)
    path = tmp_path_factory.mktemp("chunked") / "shard.parquet"
    write_shard(path, pa.table([columns[field.name] for field in target], schema=target))
    return Snapshot(dataclasses.replace(paragraphs.manifest, chunk={"tokens": 256}), [path], None)


def test_of_a_source_document_its_best_chunk_counts(paragraphs, chunked, evaluation, centred):
    parents = dict(chunked.scan().select("doc_id", "parent").collect().iter_rows())
    judged = evaluation.judgements.filter(pl.col("doc_id").is_in(list(parents)))
    by_source = judged.with_columns(pl.col("doc_id").replace(parents)).unique(["query_id", "doc_id"])
    frame = chunked.scan().collect()
    rows = frame["embedding"].to_numpy().astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = np.array(frame["parent"].to_list())
    reached = []
    for query, vector in zip(evaluation.query_ids, evaluation.vectors.astype(np.float64), strict=True):
        mine = set(by_source.filter(query_id=query, relevance=1)["doc_id"])
        if mine:
            scores = rows @ vector
            tops = {name: scores[names == name].max() for name in set(names)}
            best = sorted(tops, key=lambda name: -tops[name])[:10]
            reached.append(len(mine & set(best)) / len(mine))
    of_sources = dataclasses.replace(evaluation, judgements=by_source)
    found = retrieval(chunked, None, of_sources)
    assert found.metrics["recall_at_10"].value == pytest.approx(np.mean(reached), abs=1e-9)
    assert (found.queries, found.judgements_missing) == (len(reached), 0)
    assert retrieval(chunked, centred, of_sources).queries == len(reached)
    # An id of a chunk is no source document's.
    assert retrieval(chunked, None, evaluation).judgements_missing == len(evaluation.judgements)


def test_graded_judgements_weigh_in_ndcg(paragraphs, evaluation):
    ids = paragraphs.scan().select("doc_id").collect()["doc_id"].sort().to_list()
    query = evaluation.query_ids[0]
    graded = pl.DataFrame(
        [(query, name, gain) for name, gain in zip(ids[:40], [3, 0, 1, 2] * 10, strict=True)],
        schema=["query_id", "doc_id", "relevance"],
        orient="row",
    )
    one = dataclasses.replace(evaluation, judgements=graded)
    expected = _naive(paragraphs, one, graded)
    found = retrieval(paragraphs, None, one)
    assert found.queries == 1
    assert found.metrics["ndcg_at_10"].value == pytest.approx(expected[0, 0], abs=1e-9)


def test_judgements_on_documents_that_the_corpus_lacks_are_counted(paragraphs, evaluation, qrels):
    held = set(paragraphs.scan().select("doc_id").collect()["doc_id"].to_list())
    found = retrieval_metrics(paragraphs, _none(paragraphs), evaluation)
    missing = [row for row in qrels.rows() if row[1] not in held]
    assert found["judgements_missing"] == len(missing)
    assert found["queries"] + found["queries_left_out"] == len(evaluation.query_ids)
    assert found["queries"] == len({row[0] for row in qrels.rows() if row[1] in held})


def test_raw_and_transformed_are_reported_side_by_side(paragraphs, evaluation, centred):
    found = retrieval_metrics(paragraphs, centred, evaluation)
    assert found["evaluation"] == evaluation.id
    names = {"ndcg_at_10", "recall_at_10", "mrr_at_10"}
    assert set(found["raw"]) == set(found["transformed"]) == names
    assert found["raw"] != found["transformed"]
    alone = retrieval(paragraphs, None, evaluation).metrics["ndcg_at_10"].to_json()
    assert found["raw"]["ndcg_at_10"] == {**alone, "over": "queries"}
    assert abs(found["raw"]["ndcg_at_10"]["value"] - found["transformed"]["ndcg_at_10"]["value"]) < 0.05


def test_documents_with_equal_scores_keep_the_order_of_the_search():
    hits = Hits(np.array([["a", "b"]], dtype=object), np.ones((1, 2), np.float32))
    judged = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "relevance": [1]})
    assert _metrics(["q"], hits, judged)["mrr_at_10"].value == 1.0


def test_queries_that_all_score_alike_still_leave_room_for_the_next_one():
    queries = [f"q{number}" for number in range(30)]
    hits = Hits(np.array([["a"]] * 30, dtype=object), np.ones((30, 1), np.float32))
    judged = pl.DataFrame({"query_id": queries, "doc_id": ["a"] * 30, "relevance": [1] * 30})
    found = _metrics(queries, hits, judged)["recall_at_10"]
    assert found.value == 1.0
    assert found.interval == pytest.approx((0.8865, 1.0), abs=1e-4)  # Wilson's, 30 of 30


def test_one_query_has_a_score_and_no_interval():
    hits = Hits(np.array([["a"]], dtype=object), np.ones((1, 1), np.float32))
    judged = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "relevance": [1]})
    found = _metrics(["q"], hits, judged)["ndcg_at_10"]
    assert (found.value, found.n, found.interval) == (1.0, 1, None)


def test_a_corpus_without_any_judged_document_has_no_metrics_and_says_why(paragraphs, evaluation):
    judged = pl.DataFrame({"query_id": [evaluation.query_ids[0]], "doc_id": ["elsewhere"], "relevance": [1]})
    found = retrieval(paragraphs, None, dataclasses.replace(evaluation, judgements=judged))
    assert (found.queries, found.judgements_missing) == (0, 1)
    assert found.metrics["ndcg_at_10"].value is None
    assert "judged" in found.metrics["ndcg_at_10"].reason


def test_queries_of_another_encoder_are_refused(paragraphs, evaluation):
    with pytest.raises(IdentityError, match="e" * 16):
        retrieval(paragraphs, None, dataclasses.replace(evaluation, encoder="e" * 16))


def _none(snapshot):
    moments = Moments.empty(snapshot.dimension)
    for block in snapshot.vectors():
        moments.update(block)
    return fit(TransformConfig(kind="none"), moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)
