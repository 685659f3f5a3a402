"""Queries and judgements: read with care, encoded once, kept."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from sphering.config.model import NormaliseConfig
from sphering.errors import InputError, IntegrityError, NotFoundError
from sphering.evaluation.keep import check, evaluation_id, read, read_parts, to_encode
from sphering.evaluation.keep import keep as keep_parts
from sphering.evaluation.queries import read_queries
from sphering.store.corpus import CorpusStore
from sphering.store.local_files import LocalFiles


@pytest.fixture
def corpus(tmp_path):
    return CorpusStore(LocalFiles(tmp_path / "store"), "xquad")


def parts_of(config):
    return read_parts(config.evaluation, config.normalise, list)


def named(config, encoder):
    return evaluation_id(parts_of(config), config, encoder)


def queries_of(section):
    return read_queries(section, section.queries, section.qrels)


def keep(corpus, config, manifest, encoder):
    return keep_parts(corpus, parts_of(config), config, manifest, encoder)


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
    assert named(other, "e") == named(configured, "e")
    assert queries_of(other.evaluation)[0].equals(queries_of(configured.evaluation)[0])


def test_the_id_is_of_data_prompt_normalisation_and_encoder(configured, tmp_path, questions, qrels):
    ids = [
        named(configured, "e"),
        named(configured, "f"),
        named(configured.model_copy(update={"normalise": NormaliseConfig(strip=True)}), "e"),
        named(
            configured.model_copy(update={"encoder": configured.encoder.model_copy(update={"query_prompt": "q"})}), "e"
        ),
    ]
    qrels.head(10).write_parquet(tmp_path / "qrels.parquet")
    ids.append(named(configured, "e"))
    assert len(set(ids)) == 5


def test_queries_are_encoded_once_and_kept(configured, corpus, encoder, questions, paragraphs):
    kept = keep(corpus, configured, paragraphs.manifest, lambda: encoder)
    assert (kept.encoded, kept.reused) == (questions["text"].n_unique(), 0)
    first = read(corpus, kept.evaluation).parts["queries"]
    texts = dict(questions.select("id", "text").rows())
    assert first.query_ids == sorted(texts)
    expected = encoder.encode([texts[query] for query in first.query_ids], role="query").vectors
    assert np.array_equal(first.vectors, expected)
    again = keep(corpus, configured, paragraphs.manifest, _never)
    assert (again.evaluation, again.encoded) == (kept.evaluation, 0)
    assert read(corpus, kept.evaluation).parts["queries"].judgements.equals(first.judgements)
    assert sorted(corpus.files.children(corpus.layout.evaluation(kept.evaluation))) == [
        "judgements.parquet",
        "manifest.json",
        "queries.parquet",
        "texts.parquet",
    ]


def test_a_changed_evaluation_encodes_what_no_earlier_one_has(
    configured, corpus, encoder, paragraphs, questions, qrels, tmp_path
):
    judged = questions["id"][:20].to_list()
    qrels.filter(pl.col("query_id").is_in(judged)).write_parquet(tmp_path / "qrels.parquet")
    few = keep(corpus, configured, paragraphs.manifest, lambda: encoder)
    qrels.write_parquet(tmp_path / "qrels.parquet")
    wanted = questions["text"].n_unique()
    assert to_encode(corpus, parts_of(configured), configured, encoder.identity.id) == wanted - 20
    more = keep(corpus, configured, paragraphs.manifest, lambda: encoder)
    assert (few.encoded, more.encoded, more.reused) == (20, wanted - 20, 20)
    texts = dict(questions.select("id", "text").rows())
    part = read(corpus, more.evaluation).parts["queries"]
    assert np.array_equal(part.vectors, encoder.encode([texts[name] for name in part.query_ids], "query").vectors)


def test_a_query_under_another_prompt_is_encoded_again(configured, corpus, encoder, paragraphs):
    keep(corpus, configured, paragraphs.manifest, lambda: encoder)
    prompted = configured.model_copy(update={"encoder": configured.encoder.model_copy(update={"query_prompt": "q: "})})
    wanted = len(parts_of(prompted)["queries"].wanted[0].texts)
    assert to_encode(corpus, parts_of(prompted), prompted, encoder.identity.id) == wanted


def test_a_changed_byte_is_found(configured, corpus, encoder, paragraphs):
    name = keep(corpus, configured, paragraphs.manifest, lambda: encoder).evaluation
    path = corpus.files.path(f"{corpus.layout.evaluation(name)}/texts.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for reader in (read, check):
        with pytest.raises(IntegrityError, match=r"texts\.parquet"):
            reader(corpus, name)


def test_an_evaluation_that_is_not_there_is_not_found(corpus):
    with pytest.raises(NotFoundError):
        read(corpus, "e" * 16)


def test_an_empty_query_is_refused_by_its_id(configured, tmp_path, questions):
    worst = questions["id"][7]
    empty = pl.when(pl.col("id") == worst).then(pl.lit("  ")).otherwise(pl.col("text")).alias("text")
    questions.with_columns(empty).write_parquet(tmp_path / "queries.parquet")
    with pytest.raises(InputError, match=f"{worst}.*empty"):
        parts_of(configured)


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
        queries_of(_changed(configured, **changes).evaluation)


def test_a_file_that_is_not_what_its_name_says_is_refused(configured, tmp_path):
    (tmp_path / "queries.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        queries_of(configured.evaluation)


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
        queries_of(configured.evaluation)


def test_a_query_id_that_occurs_twice_is_refused(configured, tmp_path, questions):
    pl.concat([questions, questions.head(1)]).write_parquet(tmp_path / "queries.parquet")
    with pytest.raises(InputError, match="more than once"):
        queries_of(configured.evaluation)


@pytest.mark.parametrize("relevant", [pl.Boolean, pl.Float32, pl.Int8])
def test_relevance_may_be_a_boolean_or_any_whole_number(configured, tmp_path, qrels, relevant):
    before = parts_of(configured)["queries"].digest
    qrels.with_columns(pl.col("relevant").cast(relevant)).write_parquet(tmp_path / "qrels.parquet")
    assert parts_of(configured)["queries"].digest == before
