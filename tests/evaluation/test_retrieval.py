"""nDCG, recall, MRR and MAP against plain loops over the definitions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import softmax

from sphering.config.model import TransformConfig
from sphering.errors import IdentityError
from sphering.evaluation.keep import Evaluation
from sphering.evaluation.kind import Ground
from sphering.evaluation.measure import evaluation_metrics
from sphering.evaluation.queries import Queries
from sphering.evaluation.retrieval import METRICS, retrieval_metrics
from sphering.export.search import Hits
from sphering.geometry.moments import Moments
from sphering.store.shard import schema, write_shard
from sphering.store.snapshot import Snapshot
from sphering.transform import fit


@pytest.fixture(scope="module")
def evaluation(encoder, questions, qrels):
    ordered = questions.sort("id")
    return Queries(
        query_ids=ordered["id"].to_list(),
        vectors=encoder.encode(ordered["text"].to_list(), role="query").vectors,
        judgements=qrels.rename({"relevant": "relevance"}),
    )


@pytest.fixture(scope="module")
def centred(paragraphs):
    moments = Moments.empty(paragraphs.dimension)
    for block in paragraphs.vectors():
        moments.update(block)
    return fit(TransformConfig(kind="center"), moments, encoder=paragraphs.manifest.encoder, snapshot=paragraphs.id)


def retrieval(snapshot, transform, queries):
    """Return the queries that are measured, their numbers, and the judgements that they lack."""
    known = queries.known(snapshot)
    return known, known.retrieval(known.hits(snapshot, transform))


def _naive(snapshot, evaluation, judgements):
    """Return per-query values of `METRICS` of cosine search, by their definitions."""
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
        best = [names[row] for row in np.argsort(-(rows @ vector), kind="stable")[:100]]
        dcg = sum(mine.get(name, 0) / math.log2(rank + 2) for rank, name in enumerate(best[:10]))
        ideal = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(sorted(mine.values(), reverse=True)[:10]))
        hits = [mine.get(name, 0) > 0 for name in best]
        first = hits.index(True) + 1 if any(hits[:10]) else math.inf
        right = sum(gain > 0 for gain in mine.values())
        precise = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
        found.append(
            (dcg / ideal, hits[0] / right, sum(hits[:10]) / right, sum(hits) / right, 1 / first, sum(precise) / right)
        )
    return np.array(found)


def test_the_metrics_are_those_of_their_definitions(paragraphs, evaluation):
    expected = _naive(paragraphs, evaluation, evaluation.judgements)
    known, found = retrieval(paragraphs, None, evaluation)
    for column, name in enumerate(METRICS):
        estimate = found[name]
        assert estimate["value"] == pytest.approx(expected[:, column].mean(), abs=1e-9), name
        assert estimate["n"] == len(expected) == len(known.query_ids)
        low, high = estimate["interval"]
        assert low <= estimate["value"] <= high
    assert found["recall_at_10"]["value"] > 0.9


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
    known, found = retrieval(chunked, None, of_sources)
    assert found["recall_at_10"]["value"] == pytest.approx(np.mean(reached), abs=1e-9)
    assert (len(known.query_ids), len(known.judgements)) == (len(reached), len(by_source))
    # An id of a chunk is no source document's.
    assert len(evaluation.known(chunked).judgements) == 0


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
    known, found = retrieval(paragraphs, None, one)
    assert known.query_ids == [query]
    assert found["ndcg_at_10"]["value"] == pytest.approx(expected[0, 0], abs=1e-9)


def test_judgements_on_documents_that_the_corpus_lacks_are_counted(paragraphs, evaluation, qrels):
    held = set(paragraphs.scan().select("doc_id").collect()["doc_id"].to_list())
    found = evaluation_metrics(_kept(evaluation, paragraphs), _ground(paragraphs, _none(paragraphs)))
    missing = [row for row in qrels.rows() if row[1] not in held]
    assert found["judgements_missing"] == len(missing)
    assert found["queries"] + found["queries_left_out"] == len(evaluation.query_ids)
    assert found["queries"] == len({row[0] for row in qrels.rows() if row[1] in held})


def test_raw_and_transformed_are_reported_side_by_side(paragraphs, evaluation, centred):
    found = evaluation_metrics(_kept(evaluation, paragraphs), _ground(paragraphs, centred))
    assert found["evaluation"] == "v" * 16
    assert {*METRICS, "alpha", "log_likelihood", "entropy", "calibration_error", "thresholds"} == set(found["raw"])
    assert set(found["transformed"]) - set(found["raw"]) == {"kl_raw_transformed"}
    assert found["raw"] != found["transformed"]
    assert found["raw"]["ndcg_at_10"] == retrieval(paragraphs, None, evaluation)[1]["ndcg_at_10"]
    assert abs(found["raw"]["ndcg_at_10"]["value"] - found["transformed"]["ndcg_at_10"]["value"]) < 0.05


def test_documents_with_equal_scores_keep_the_order_of_the_search():
    hits = Hits(np.array([["a", "b"]], dtype=object), np.ones((1, 2), np.float32))
    judged = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "relevance": [1]})
    assert retrieval_metrics(["q"], hits, judged)["mrr_at_10"].value == 1.0


def test_queries_that_all_score_alike_still_leave_room_for_the_next_one():
    queries = [f"q{number}" for number in range(30)]
    hits = Hits(np.array([["a"]] * 30, dtype=object), np.ones((30, 1), np.float32))
    judged = pl.DataFrame({"query_id": queries, "doc_id": ["a"] * 30, "relevance": [1] * 30})
    found = retrieval_metrics(queries, hits, judged)["recall_at_10"]
    assert found.value == 1.0
    assert found.interval == pytest.approx((0.8865, 1.0), abs=1e-4)  # Wilson's, 30 of 30


def test_one_query_has_a_score_and_no_interval():
    hits = Hits(np.array([["a"]], dtype=object), np.ones((1, 1), np.float32))
    judged = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "relevance": [1]})
    found = retrieval_metrics(["q"], hits, judged)["ndcg_at_10"]
    assert (found.value, found.n, found.interval) == (1.0, 1, None)


def test_a_corpus_without_any_judged_document_has_no_metrics_and_says_why(paragraphs, evaluation):
    judged = pl.DataFrame({"query_id": [evaluation.query_ids[0]], "doc_id": ["elsewhere"], "relevance": [1]})
    of_elsewhere = dataclasses.replace(evaluation, judgements=judged)
    found = evaluation_metrics(_kept(of_elsewhere, paragraphs), _ground(paragraphs, _none(paragraphs)))
    assert (found["queries"], found["judgements_missing"]) == (0, 1)
    for name in (*METRICS, "alpha", "calibration_error"):
        assert found["raw"][name]["value"] is None
        assert "judged" in found["transformed"][name]["reason"]


def test_vectors_of_another_encoder_are_refused(paragraphs, evaluation):
    of_another = dataclasses.replace(_kept(evaluation, paragraphs), encoder="e" * 16)
    with pytest.raises(IdentityError, match="e" * 16):
        evaluation_metrics(of_another, _ground(paragraphs, _none(paragraphs)))


def test_the_probability_of_a_document_is_that_of_the_softmax_over_all(paragraphs, evaluation):
    found = evaluation_metrics(_kept(evaluation, paragraphs), _ground(paragraphs, _none(paragraphs)))["raw"]
    rows = paragraphs.scan().collect()
    known = evaluation.known(paragraphs)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (known.vectors, rows["embedding"].to_numpy())]
    logits = found["alpha"]["value"] * (unit[0].astype(float) @ unit[1].T)
    p = softmax(logits, axis=1)
    assert found["entropy"]["value"] == pytest.approx(-np.mean(np.sum(p * np.log(p), axis=1)), abs=1e-4)
    assert found["alpha"]["kind"] == "exact"
    assert found["log_likelihood"]["value"] > -np.log(len(rows))
    assert found["calibration_error"]["value"] < 0.1
    assert all(entry["precision"]["value"] >= 0.7 for entry in found["thresholds"].values())


def test_a_sample_of_the_documents_stands_for_all(paragraphs, evaluation):
    part = evaluation.known(paragraphs)
    few = dataclasses.replace(part, query_ids=part.query_ids[:60], vectors=part.vectors[:60])
    whole = few.measure(_ground(paragraphs, _none(paragraphs)))["raw"]
    drawn = few.measure(_ground(paragraphs, _none(paragraphs), sample=30))["raw"]
    for name in ("alpha", "log_likelihood", "entropy"):
        assert (drawn[name]["kind"], drawn[name]["seed"]) == ("sampled", 0), name
        assert drawn[name]["value"] == pytest.approx(whole[name]["value"], rel=0.1), name


def _kept(queries, snapshot):
    return Evaluation("v" * 16, snapshot.manifest.encoder, {"queries": queries})


def _ground(snapshot, transform, sample=5000):
    return Ground(snapshot, transform, sample, 0)


def _none(snapshot):
    moments = Moments.empty(snapshot.dimension)
    for block in snapshot.vectors():
        moments.update(block)
    return fit(TransformConfig(kind="none"), moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)
