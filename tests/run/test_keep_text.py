"""`[source] keep_text = false`: no shard of the snapshot holds a text, and everything but reading it still works."""

from pathlib import Path

import pytest

from sphering.maintenance.verify import verify
from sphering.run.search import search
from sphering.store.store import Store


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
