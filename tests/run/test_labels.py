"""What is a label is part of a report: another choice of columns is another report over the same snapshot."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.run.page import render_page
from sphering.store.documents import read_document
from sphering.store.store import Store


@pytest.fixture
def labelled(corpus, questions, tmp_path):
    """Return a function that returns a configuration over 40 questions of two topics and two tongues."""
    columns = {
        "id": [doc_id for doc_id, _ in questions[:40]],
        "text": [text for _, text in questions[:40]],
        "topic": ["old" if number % 4 else "new" for number in range(40)],
        "tongue": ["en" if number % 2 else None for number in range(40)],
    }
    pq.write_table(pa.table(columns), tmp_path / "labelled.parquet")

    def configured(*labels, keep_text=True):
        metadata = tuple(name for name in ("topic", "tongue") if name not in labels)
        config = corpus([])
        source = {"path": str(tmp_path / "labelled.parquet"), "labels": labels, "metadata": metadata}
        return config.model_copy(update={"source": config.source.model_copy(update=source | {"keep_text": keep_text})})

    return configured


def report_of(config, result):
    store = Store.open(Path(config.store)).corpus(config.corpus)
    return read_document(store.files, store.layout.report(store.release(result["release"]).report))


def counts(lines):
    return [(line["of"], line["label"], line["documents"]["value"]) for line in lines]


def test_two_configurations_that_differ_in_labels_alone_share_a_snapshot_and_no_report(run, labelled):
    first, second = run(labelled("topic")), run(labelled("tongue"))
    assert second["snapshot"] == first["snapshot"]
    reports = [report_of(labelled(), result) for result in (first, second)]
    assert reports[0]["id"] != reports[1]["id"]
    assert counts(reports[0]["labels"]["topic"]) == [("label", "old", 30), ("label", "new", 10)]
    assert counts(reports[1]["labels"]["tongue"]) == [("label", "en", 20), ("missing", None, 20)]
    assert (list(reports[0]["labels"]), list(reports[1]["labels"])) == (["topic"], ["tongue"])


def test_the_order_of_the_columns_is_no_other_report(run, labelled):
    first, second = run(labelled("topic", "tongue")), run(labelled("tongue", "topic"))
    assert (second["release"], second["release_status"]) == (first["release"], "unchanged")


def test_labels_stand_on_the_page_of_the_release(run, labelled):
    config = labelled("topic")
    result = run(config)
    store = Store.open(Path(config.store)).corpus(config.corpus)
    page = render_page(store, store.release(result["release"])).read_text(encoding="utf-8")
    assert "Texts by <code>topic</code>" in page


def test_without_texts_all_but_tokens_per_character_is_measured(run, labelled):
    config = labelled("topic", keep_text=False)
    report = report_of(config, run(config))
    for numbers in (report["texts"], *report["labels"]["topic"]):
        assert numbers["tokens_per_character"]["value"] is None
        assert "keep_text" in numbers["tokens_per_character"]["reason"]
        assert numbers["unknown_share"]["value"] is not None
