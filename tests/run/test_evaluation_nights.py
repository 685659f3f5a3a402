"""An evaluation over nights: nothing is encoded twice, and nothing of an erased document stays."""

from __future__ import annotations

import json

import polars as pl
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sphering.maintenance.collection import collect
from sphering.maintenance.purge import purge
from sphering.maintenance.verify import verify
from sphering.run.plan import plan
from sphering.store.documents import read_document
from sphering.store.store import Store


@pytest.fixture(scope="module")
def paragraphs(pytestconfig):
    """Sixty English paragraphs, (id, text) each."""
    frame = pl.read_parquet(pytestconfig.rootpath / "examples" / "xquad" / "paragraphs.parquet")
    return frame.filter(pl.col("lang") == "en").head(60).select("id", "text").rows()


def _report(config, result):
    corpus = Store.open(config.store).corpus(config.corpus)
    release = corpus.release(result["release"])
    return corpus, read_document(corpus.files, corpus.layout.report(release.report))


def test_halves_are_encoded_once_whatever_night_they_come_in(corpus, run, paragraphs):
    config = corpus(paragraphs[:50], evaluation={"halves": 20})
    assert plan(config)["evaluation_encode"] == 40
    first = run(config)
    assert first["evaluation_encoded"] == 40
    store, report = _report(config, first)
    assert report["evaluation"]["halves"]["halves"] == 20
    assert report["evaluation"]["halves"]["raw"]["mrr_at_10"]["value"] > 0.5
    assert plan(config)["evaluation_encode"] == 0
    again = run(config)
    assert (again["evaluation_encoded"], again["release"]) == (0, first["release"])

    more = corpus(paragraphs, evaluation={"halves": 20})
    planned = plan(more)["evaluation_encode"]
    grown = run(more)
    texts = [_halved(store, _report(more, result)[1]) for result in (first, grown)]
    fresh = 2 * len(texts[1] - texts[0])
    assert 0 < fresh < 40
    assert grown["evaluation_encoded"] == planned == fresh
    assert run(corpus(paragraphs[:50], evaluation={"halves": 20}))["evaluation_encoded"] == 0


def _halved(store, report):
    path = store.files.path(f"{store.layout.evaluation(report['evaluation']['evaluation'])}/halves.parquet")
    return set(pq.read_table(path)["text_hash"].to_pylist())


def test_no_word_of_a_half_is_kept(corpus, run, paragraphs):
    config = corpus(paragraphs[:30], evaluation={"halves": 20})
    store, report = _report(config, run(config))
    path = store.files.path(f"{store.layout.evaluation(report['evaluation']['evaluation'])}/texts.parquet")
    assert pq.read_table(path)["text"].null_count == 40


def test_a_purge_takes_the_halves_of_erased_documents_with_it(corpus, run, paragraphs):
    config = corpus(paragraphs[:40], evaluation={"halves": 20})
    store, report = _report(config, run(config))
    snapshot = store.snapshot(report["snapshot"]["id"])
    hashes = dict(snapshot.scan().select("doc_id", "text_hash").collect().iter_rows())
    erased = next(name for name, text in hashes.items() if text in _halved(store, report))
    old = report["evaluation"]["evaluation"]
    done = purge(store, [erased], "asked for")
    left = store.files.children(store.layout.evaluations)
    successor = store.release(next(iter(done.successors.values())))
    after = read_document(store.files, store.layout.report(successor.report))
    assert old not in left
    assert left == [after["evaluation"]["evaluation"]]
    assert after["evaluation"]["halves"]["halves"] == 19
    assert hashes[erased] not in _halved(store, after)
    texts = pq.read_table(store.files.path(f"{store.layout.evaluation(left[0])}/texts.parquet"))
    assert texts.num_rows == 38
    assert verify(store).sound


def test_a_collection_keeps_the_evaluations_that_reports_name(corpus, run, paragraphs):
    reports = []
    for start in (0, 10, 20):
        config = corpus(paragraphs[start : start + 40], evaluation={"halves": 20})
        reports.append(_report(config, run(config)))
    store = reports[-1][0]
    names = [report["evaluation"]["evaluation"] for _, report in reports]
    assert len(set(names)) == 3
    far = store.files.now() + 1e9
    collect(store, keep=1, grace_days=0, delete=True, at=far)
    assert store.files.children(store.layout.evaluations) == [names[-1]]
    assert verify(store).sound


def test_several_kinds_stand_together_and_a_gate_may_bound_each(corpus, run, paragraphs, tmp_path):
    rows = [(text, text[:200], 5.0) for _, text in paragraphs[:10]]
    rows += [(left[1], right[1][:200], 0.0) for left, right in zip(paragraphs[:10], paragraphs[10:20], strict=True)]
    names = ["sentence1", "sentence2", "score"]
    pl.DataFrame(rows, schema=names, orient="row").write_csv(tmp_path / "pairs.csv")
    asked = [(f"q{row}", text[:150]) for row, (_, text) in enumerate(paragraphs[:10])]
    pl.DataFrame(asked, schema=["_id", "text"], orient="row").write_parquet(tmp_path / "queries.parquet")
    judged = [(f"q{row}", name, 1) for row, (name, _) in enumerate(paragraphs[:10])]
    pl.DataFrame(judged, schema=["query_id", "doc_id", "relevant"], orient="row").write_parquet(
        tmp_path / "qrels.parquet"
    )
    files = {name: str(tmp_path / f"{name}.parquet") for name in ("queries", "qrels")}
    gates = [
        {"metric": "evaluation.pairs.transformed.spearman", "min": 0.5},
        {"metric": "evaluation.halves.raw.mrr_at_10", "min": 0.3},
        {"metric": "evaluation.raw.recall_at_1", "min": 0.5},
        {"metric": "evaluation.raw.alpha_change", "min": -1000},
    ]
    section = {"pairs": str(tmp_path / "pairs.csv"), **files, "halves": 20}
    result = run(corpus(paragraphs[:30], evaluation=section, gate=gates))
    found = {gate["metric"]: gate for gate in result["gates"]}
    assert all(found[gate["metric"]]["passed"] for gate in gates)
    assert found["evaluation.pairs.transformed.spearman"]["value"] > 0.5
    assert found["evaluation.raw.recall_at_1"]["value"] > 0.5


def test_a_change_of_the_pairs_alone_builds_no_index_anew(corpus, run, paragraphs, tmp_path):
    asked = pl.DataFrame({"_id": ["q0"], "text": [paragraphs[0][1][:150]]})
    asked.write_parquet(tmp_path / "queries.parquet")
    judged = pl.DataFrame({"query_id": ["q0"], "doc_id": [paragraphs[0][0]], "relevant": [1]})
    judged.write_parquet(tmp_path / "qrels.parquet")
    files = {name: str(tmp_path / f"{name}.parquet") for name in ("queries", "qrels")}
    export = [{"name": "index", "format": "faiss", "index": "Flat"}]
    first = run(corpus(paragraphs[:30], evaluation=files, export=export))
    both = corpus(paragraphs[:30], evaluation={**files, "halves": 20}, export=export)
    second = run(both)
    assert second["release"] != first["release"]
    assert json.dumps(second["exports"]) == json.dumps(first["exports"])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"evaluation": {}}, "at least one"),
        ({"evaluation": {"queries": "q.parquet"}}, "need each other"),
        ({"evaluation": {"positive": 1.0, "halves": 20}}, "positive"),
        ({"evaluation": {"labels": "topic"}}, "none of"),
        ({"evaluation": {"halves": 20}, "source": {"path": "x", "keep_text": False}}, "keep_text"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_the_configuration(corpus, paragraphs, tables, message):
    with pytest.raises(ValidationError, match=message):
        corpus(paragraphs[:3], **tables)


def test_a_corpus_without_sentences_has_no_halves_and_says_why(corpus, run, questions):
    single = [(name, text.split(".")[0].split("?")[0]) for name, text in questions[:30]]
    config = corpus(single, evaluation={"halves": 20})
    _, report = _report(config, run(config))
    halves = report["evaluation"]["halves"]
    assert halves["halves"] == 0
    assert "two sentences" in halves["raw"]["mrr_at_10"]["reason"]
