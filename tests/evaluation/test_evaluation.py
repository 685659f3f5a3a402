"""Queries and judgements: read with care, encoded once, kept."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from sphering.config.model import NormaliseConfig
from sphering.errors import InputError, IntegrityError, NotFoundError, SourceChangedError
from sphering.evaluation.keep import evaluation_id, keep, read
from sphering.evaluation.reading import read_evaluation
from sphering.store.corpus import CorpusStore
from sphering.store.local_files import LocalFiles


@pytest.fixture
def corpus(tmp_path):
    return CorpusStore(LocalFiles(tmp_path / "store"), "xquad")


def _never():
    raise AssertionError("opened the encoder although there is nothing to encode")


def _changed(config, **changes):
    return config.model_copy(update={"evaluation": config.evaluation.model_copy(update=changes)})


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_every_file_format_gives_the_same_evaluation(configured, tmp_path, questions, qrels, suffix):
    write = {"jsonl": pl.DataFrame.write_ndjson, "csv": pl.DataFrame.write_csv}[suffix]
    write(questions.sample(fraction=1, shuffle=True, seed=1), tmp_path / f"q.{suffix}")
    write(qrels.reverse(), tmp_path / f"r.{suffix}")
    other = _changed(configured, queries=str(tmp_path / f"q.{suffix}"), qrels=str(tmp_path / f"r.{suffix}"))
    assert evaluation_id(other, "e") == evaluation_id(configured, "e")
    assert read_evaluation(other.evaluation).queries.equals(read_evaluation(configured.evaluation).queries)


def test_the_id_is_of_data_prompt_normalisation_and_encoder(configured, tmp_path, questions, qrels):
    ids = [
        evaluation_id(configured, "e"),
        evaluation_id(configured, "f"),
        evaluation_id(configured.model_copy(update={"normalise": NormaliseConfig(strip=True)}), "e"),
        evaluation_id(
            configured.model_copy(update={"encoder": configured.encoder.model_copy(update={"query_prompt": "q"})}), "e"
        ),
    ]
    qrels.head(10).write_parquet(tmp_path / "qrels.parquet")
    ids.append(evaluation_id(configured, "e"))
    assert len(set(ids)) == 5


def test_queries_are_encoded_once_and_kept(configured, corpus, encoder, questions):
    name = evaluation_id(configured, encoder.identity.id)
    first = keep(corpus, configured, name, lambda: encoder)
    texts = dict(questions.select("id", "text").rows())
    assert first.query_ids == sorted(texts)
    assert first.texts == [texts[query] for query in first.query_ids]
    assert np.array_equal(first.vectors, encoder.encode(first.texts, role="query").vectors)
    again = keep(corpus, configured, name, _never)
    assert np.array_equal(again.vectors, first.vectors)
    assert again.judgements.equals(first.judgements)
    assert sorted(corpus.files.children(corpus.layout.evaluation(name))) == [
        "judgements.parquet",
        "manifest.json",
        "texts.parquet",
    ]


def test_files_that_changed_since_the_id_was_computed_fail_the_run_for_a_retry(
    configured, corpus, encoder, tmp_path, qrels
):
    name = evaluation_id(configured, encoder.identity.id)
    qrels.head(10).write_parquet(tmp_path / "qrels.parquet")
    with pytest.raises(SourceChangedError):
        keep(corpus, configured, name, lambda: encoder)
    with pytest.raises(NotFoundError):
        read(corpus, name)


def test_a_changed_byte_is_found(configured, corpus, encoder):
    name = evaluation_id(configured, encoder.identity.id)
    keep(corpus, configured, name, lambda: encoder)
    path = corpus.files.path(f"{corpus.layout.evaluation(name)}/texts.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"texts\.parquet"):
        read(corpus, name)


def test_an_empty_query_is_refused_by_its_id(configured, corpus, encoder, tmp_path, questions):
    worst = questions["id"][7]
    empty = pl.when(pl.col("id") == worst).then(pl.lit("  ")).otherwise(pl.col("text")).alias("text")
    questions.with_columns(empty).write_parquet(tmp_path / "queries.parquet")
    with pytest.raises(InputError, match=f"{worst}.*empty"):
        keep(corpus, configured, evaluation_id(configured, encoder.identity.id), lambda: encoder)
    assert not corpus.files.exists(f"{corpus.layout.evaluation('x')}/manifest.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": "nowhere.parquet"}, "no file nowhere"),
        ({"qrels": "nowhere.parquet"}, "no file nowhere"),
        ({"queries": "queries.xlsx"}, r"xlsx[\s\S]*\.parquet, \.jsonl"),
        ({"id": "_id"}, r"'_id'[\s\S]*id, lang, text"),
        ({"text": "question"}, "'question'"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_there_is(configured, changes, message):
    with pytest.raises(InputError, match=message):
        read_evaluation(_changed(configured, **changes).evaluation)


def test_a_file_that_is_not_what_its_name_says_is_refused(configured, tmp_path):
    (tmp_path / "queries.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_evaluation(configured.evaluation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.with_columns(pl.lit("x").alias("query_id")), "not there, such as 'x'"),
        (lambda frame: frame.with_columns(pl.lit(None, pl.String).alias("doc_id")), "null"),
        (lambda frame: frame.with_columns(pl.lit("much").alias("relevant")), "relevant"),
        (lambda frame: frame.with_columns(pl.lit(0.5).alias("relevant")), "other than 0, 1"),
        (lambda frame: frame.with_columns(pl.lit(-1).alias("relevant")), "other than 0, 1"),
        (lambda frame: frame.drop("relevant"), "'relevant'"),
        (lambda frame: frame.clear(), "no query has a judgement"),
    ],
)
def test_judgements_that_cannot_be_used_are_refused(configured, tmp_path, qrels, change, message):
    change(qrels).write_parquet(tmp_path / "qrels.parquet")
    with pytest.raises(InputError, match=message):
        read_evaluation(configured.evaluation)


def test_a_query_id_that_occurs_twice_is_refused(configured, tmp_path, questions):
    pl.concat([questions, questions.head(1)]).write_parquet(tmp_path / "queries.parquet")
    with pytest.raises(InputError, match="more than once"):
        read_evaluation(configured.evaluation)


@pytest.mark.parametrize("relevant", [pl.Boolean, pl.Float32, pl.Int8])
def test_relevance_may_be_a_boolean_or_any_whole_number(configured, tmp_path, qrels, relevant):
    before = read_evaluation(configured.evaluation).digest
    qrels.with_columns(pl.col("relevant").cast(relevant)).write_parquet(tmp_path / "qrels.parquet")
    assert read_evaluation(configured.evaluation).digest == before
