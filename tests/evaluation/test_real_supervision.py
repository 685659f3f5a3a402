"""What each kind gives a choice of the transform, over real texts and the real model."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.errors import IdentityError
from sphering.evaluation.keep import Evaluation
from sphering.evaluation.labels import Labels
from sphering.evaluation.measure import supervisions
from sphering.evaluation.queries import Queries
from sphering.store.shard import write_shard
from sphering.store.snapshot import Snapshot


def _unit(vectors):
    wide = vectors.astype(np.float64)
    return (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def labelled(paragraphs, tmp_path_factory):
    """The paragraphs with the parity of their place as a label, but for every fifth."""
    table = pq.read_table(paragraphs.paths[0])
    metadata = [json.dumps({} if row % 5 == 0 else {"side": row % 2}) for row in range(len(table))]
    place = table.column_names.index("metadata")
    path = tmp_path_factory.mktemp("labelled") / "shard.parquet"
    write_shard(path, table.set_column(place, table.schema.field("metadata"), pa.array(metadata)))
    return Snapshot(dataclasses.replace(paragraphs.manifest, labels=("side",)), [path], None)


@pytest.fixture(scope="module")
def queries(encoder, questions, qrels):
    ordered = questions.sort("id")
    vectors = encoder.encode(ordered["text"].to_list(), role="query").vectors
    return Queries(ordered["id"].to_list(), vectors, qrels.rename({"relevant": "relevance"}))


def _of(part, snapshot, sample=5000):
    (found,) = supervisions(Evaluation("v", snapshot.manifest.encoder, {"any": part}), snapshot, sample)
    return found


def test_queries_are_judged_as_the_report_measures_them(queries, paragraphs):
    found = _of(queries, paragraphs)
    known = queries.known(paragraphs)
    assert found.items == len(known.query_ids)
    reported = known.retrieval(known.hits(paragraphs, None))["mrr_at_10"]["value"]
    assert found.outcome(_unit).statistic(np.arange(found.items)) == pytest.approx(reported, abs=1e-9)


def test_a_query_names_the_texts_of_its_relevant_documents(queries, paragraphs):
    found, known = _of(queries, paragraphs, sample=10), queries.known(paragraphs)
    texts = dict(paragraphs.scan().select("doc_id", "text").collect().iter_rows())
    query = known.query_ids[5]
    mine = known.judgements.filter((pl.col("query_id") == query) & (pl.col("relevance") > 0))["doc_id"]
    assert set(found.hashes[5]) == {hashlib.sha256(texts[name].encode()).digest() for name in mine}


def test_labels_are_judged_on_the_texts_that_have_one(labelled):
    found = _of(Labels("side"), labelled)
    frame = labelled.scan().sort("text_hash").collect()
    labels = np.array([json.loads(text).get("side", -1) for text in frame["metadata"]])
    kept = labels >= 0
    unit = _unit(frame["embedding"].to_numpy())[kept].astype(np.float64)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    expected = labels[kept][cosines.argmax(axis=1)] == labels[kept]
    assert np.array_equal(found.values(_unit), expected)
    assert [mine[0] for mine in found.hashes] == frame["text_hash"].filter(pl.Series(kept)).to_list()


def test_one_label_alone_or_none_judges_nothing(paragraphs, labelled):
    encoder = paragraphs.manifest.encoder
    assert supervisions(Evaluation("v", encoder, {"labels": Labels("elsewhere")}), labelled, 5000) == []


def test_vectors_of_another_encoder_judge_nothing(queries, paragraphs):
    with pytest.raises(IdentityError):
        supervisions(Evaluation("v", "e" * 16, {"queries": queries}), paragraphs, 5000)
