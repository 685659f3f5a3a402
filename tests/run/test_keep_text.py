"""`[source] keep_text = false`: no shard of the snapshot holds a text, and everything but reading it still works."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.errors import SourceError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.run.plan import plan
from sphering.run.search import search
from sphering.store.store import Store

LAX = [{"metric": "quarantined_share", "max": 1.0}]


def with_texts(corpus, questions, kept, **tables):
    config = corpus(questions, **tables)
    return config.model_copy(update={"source": config.source.model_copy(update={"keep_text": kept})})


def texts_of(config, result):
    store = Store.open(Path(config.store)).corpus(config.corpus)
    assert verify(store).sound
    return store.snapshot(result["snapshot"]).scan().select("text").collect()["text"].to_list()


def test_a_snapshot_without_texts_is_searched_by_their_vectors(run, corpus, questions):
    config = with_texts(corpus, questions[:40], False)
    result = run(config)
    assert texts_of(config, result) == [None] * 40
    store = Store.open(Path(config.store)).corpus(config.corpus)
    hit = search(store, "published", questions[3][1], 1)["hits"][0]
    assert (hit["doc_id"], hit["text"]) == (questions[3][0], None)


def test_no_word_of_a_text_is_kept_of_rows_that_are_quarantined(run, corpus, questions, tmp_path):
    rows = [f'{{"id": "{name}", "text": "{text}"}}' for name, text in questions[:20]]
    (tmp_path / "rows.jsonl").write_text("\n".join([*rows, '{"id": "cut", "text": "a private word']), encoding="utf-8")
    config = corpus([], source={"path": str(tmp_path / "rows.jsonl"), "keep_text": False}, gate=LAX)
    result = run(config)
    assert (result["quarantined"], result["documents"]) == (1, 20)
    quarantine = Store.open(Path(config.store)).corpus(config.corpus).layout.quarantine(result["run"])
    (row,) = pq.read_table(Path(config.store) / quarantine).to_pylist()
    assert (row["row"], row["reason"], row["excerpt"]) == (21, "malformed", None)
    assert "private" not in repr(row)


def test_the_record_of_a_failed_run_quotes_no_text(corpus):
    sql = "SELECT * FROM (VALUES ('one', 'a private word'), ('one', 'another')) AS rows(id, text)"
    config = corpus([], source={"sql": sql, "keep_text": False})
    workspace = begin(config)
    with pytest.raises(SourceError, match="a private word") as conflict:
        ingest(workspace)
    abandon(workspace, conflict.value)
    (record,) = Store.open(Path(config.store)).corpus(config.corpus).run_records()
    assert record["error"].startswith(f"{type(conflict.value).__name__}: its message is not kept")


@pytest.mark.parametrize("kept", [True, False])
def test_a_changed_setting_holds_for_every_document_of_the_next_snapshot(run, corpus, questions, kept):
    run(with_texts(corpus, questions[:40], not kept))
    config = with_texts(corpus, questions[1:41], kept)
    result = run(config)
    assert (result["encoded"], result["reused"], result["removed"]) == (1, 39, 1)
    expected = sorted(text for _, text in questions[1:41]) if kept else [None] * 40
    assert sorted(texts_of(config, result), key=str) == expected
    assert run(config)["release_status"] == "unchanged"


def test_a_changed_setting_alone_makes_no_other_snapshot(run, corpus, questions):
    first = run(with_texts(corpus, questions[:40], True))
    second = run(with_texts(corpus, questions[:40], False))
    assert (second["release"], second["release_status"], second["encoded"]) == (first["release"], "unchanged", 0)


def test_texts_that_are_there_stay_when_they_are_to_be_left_out_and_that_is_said(run, corpus, questions, caplog):
    run(with_texts(corpus, questions[:20], True))
    config = with_texts(corpus, questions[:20], False)
    (warning,) = plan(config)["warnings"]
    assert "1 snapshots of this corpus keep their texts" in warning
    assert texts_of(config, run(config)) != [None] * 20
    assert "keep_text = false, but the snapshot of these documents is" in caplog.text
