"""What a release is good for, whatever became of the run that made it."""

from pathlib import Path

import pytest
from nights import die, embedded, killed_after_one_move

import sphering
from sphering.run.assemble import assemble_release
from sphering.run.evaluate import evaluate
from sphering.run.finish import finish
from sphering.run.fit import settle_transform
from sphering.run.release import publish
from sphering.run.search import search
from sphering.store.store import Store


def corpus_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


@pytest.fixture
def unrecorded(corpus, questions, released):
    """A published release whose run ended before it could leave a record."""
    config = corpus(questions[:60], normalise={"strip": True})
    workspace = embedded(config)
    release = released(workspace)
    die(workspace)
    return config, release


def test_a_release_is_searchable_though_its_run_left_no_record(unrecorded, run, questions):
    config, release = unrecorded
    store = corpus_of(config)
    assert store.run_records() == []
    again = run(config)
    assert (again["release"], again["release_status"]) == (release, "unchanged")
    assert store.release(release).run != again["run"]
    doc_id, text = questions[7]
    assert search(store, "published", f"  {text} ", 1)["hits"][0]["doc_id"] == doc_id
    bundle = sphering.open(config.store).corpus(config.corpus).release().bundle()
    assert bundle.encode([text]).shape == (1, 384)


def test_a_publication_that_lost_the_store_half_way_is_finished_when_it_is_tried_again(corpus, questions):
    config = corpus(questions[:40])
    workspace = embedded(config)
    settle_transform(workspace)
    evaluate(workspace)
    release, refs = assemble_release(workspace), corpus_of(config).refs
    with killed_after_one_move():
        publish(workspace)
    assert publish(workspace) == publish(workspace) == "published"
    assert [refs.read("main", name).release for name in ("latest", "published")] == [release, release]
    assert [len(refs.history("main", name)) for name in ("latest", "published")] == [1, 1]
    finish(workspace)
