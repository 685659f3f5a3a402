"""`published` moves by hand as safely as by a run: never to a held release, never back to a withdrawn one."""

from pathlib import Path

import pytest
from nights import die, killed_after_one_move

from sphering.errors import InputError, LeaseHeldError, LeaseLostError, NotFoundError
from sphering.maintenance.collection import collect
from sphering.maintenance.publication import publish, rollback
from sphering.maintenance.verify import verify
from sphering.run import lease
from sphering.run.begin import begin
from sphering.run.finish import finish
from sphering.run.select import select_snapshot
from sphering.store.lease import newest
from sphering.store.refs import Reason
from sphering.store.store import Store

EXPORT = {"name": "matrix", "format": "npy"}


def corpus_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def refs_of(config):
    refs = corpus_of(config).refs
    return {name: refs.read("main", name).release for name in ("latest", "published")}


def exported_later(config, released):
    """Make a release of another export over `latest`, as `sphering export` does."""
    workspace = begin(config, "export")
    select_snapshot(workspace)
    released(workspace)
    return finish(workspace)["release"]


@pytest.fixture
def nights(copied_nights):
    """Run on each number of questions; return the configuration of the last and the releases in order."""

    def over(*sizes, **tables):
        config, results = copied_nights(*sizes, **tables)
        return config, [result["release"] for result in results]

    return over


def test_publishing_takes_what_an_export_left_at_latest(nights, corpus, questions, released):
    _, (first,) = nights(30)
    config = corpus(questions[:30], export=[EXPORT, {"name": "second", "format": "fbin"}])
    later = exported_later(config, released)
    assert refs_of(config) == {"latest": later, "published": first}
    store = corpus_of(config)
    done = publish(store, "main", store.release(later), "checked by hand")
    assert done.to_json() == {"channel": "main", "release": later, "left": first, "moved": True}
    value = store.refs.read("main", "published")
    assert (value.release, value.why, value.run) == (later, "checked by hand", None)
    assert not publish(store, "main", store.release(later), "again").moved
    assert len(store.refs.history("main", "published")) == 2


def test_a_held_release_is_not_published_by_hand(nights):
    config, (held,) = nights(30, gate=[{"metric": "raw.mean_cosine", "max": 0.01}])
    store = corpus_of(config)
    with pytest.raises(InputError, match=r"held by its gates: raw\.mean_cosine"):
        publish(store, "main", store.release(held), "never mind")
    assert store.refs.read("main", "published") is None


def test_a_rollback_moves_both_refs_to_the_release_before_and_keeps_who_and_why(nights):
    config, (first, second) = nights(30, 31)
    done = rollback(corpus_of(config), "main", "wrong prices")
    assert (done.release, done.left) == (first, second)
    assert refs_of(config) == {"latest": first, "published": first}
    value = corpus_of(config).refs.read("main", "published")
    assert (value.why, value.withdraws) == ("wrong prices", second)
    assert value.who


def test_a_withdrawn_release_is_published_neither_by_a_run_nor_by_hand(nights, run, corpus, questions):
    config, (first, second) = nights(30, 31)
    rollback(corpus_of(config), "main", "wrong prices")
    for _ in range(2):
        tonight = run(config)
        assert (tonight["release_status"], tonight["exit_code"], tonight["encoded"]) == ("withdrawn", 3, 0)
        assert refs_of(config)["published"] == first
    store = corpus_of(config)
    with pytest.raises(InputError, match="was withdrawn"):
        publish(store, "main", store.release(second), "never mind")
    mended = run(corpus(questions[:32]))
    assert mended["release_status"] == "published"
    assert refs_of(config) == {"latest": mended["release"], "published": mended["release"]}


def test_a_new_release_that_serves_as_a_withdrawn_one_is_published_by_hand_only(nights, run, corpus, questions):
    config, (first, second) = nights(30, 31)
    rollback(corpus_of(config), "main", "wrong prices")
    bounded = corpus(questions[:31], gate=[{"metric": "raw.mean_cosine", "max": 0.9}])
    tonight = run(bounded)
    assert tonight["release"] not in (first, second)
    assert tonight["release_status"] == "withdrawn"
    store = corpus_of(config)
    assert publish(store, "main", store.release(tonight["release"]), "prices were right").moved
    assert refs_of(config)["published"] == tonight["release"]


def test_a_rollback_that_was_killed_half_way_is_typed_again_and_withdraws_nothing_else(nights):
    config, (_, second, third) = nights(30, 31, 32)
    store = corpus_of(config)
    with killed_after_one_move():
        rollback(store, "main", "wrong prices")
    assert rollback(store, "main", "wrong prices").release == second
    assert refs_of(config) == {"latest": second, "published": second}
    assert store.refs.withdrawn("main") == {third}


def test_rollbacks_go_further_back_and_end_with_a_message(nights):
    config, (first, second, third) = nights(30, 31, 32)
    store = corpus_of(config)
    assert rollback(store, "main", "one").release == second
    assert rollback(store, "main", "two").release == first
    assert store.refs.withdrawn("main") == {second, third}
    with pytest.raises(NotFoundError, match=f"no release before {first} still stands"):
        rollback(store, "main", "three")
    assert refs_of(config) == {"latest": first, "published": first}


def test_a_channel_that_publishes_nothing_has_nothing_to_roll_back(nights):
    config, _ = nights(30)
    with pytest.raises(NotFoundError, match="publishes nothing"):
        rollback(corpus_of(config), "trial", "why not")


def test_a_rollback_of_one_channel_leaves_the_others(nights, run, corpus, questions):
    config, (first, _) = nights(30, 31)
    trial = run(corpus(questions[:31], run={"channel": "trial", "unit_rows": 32}))
    rollback(corpus_of(config), "main", "for main only")
    assert corpus_of(config).refs.read("trial", "published").release == trial["release"]
    assert refs_of(config)["published"] == first


@pytest.mark.parametrize("what", [lease.GC, lease.PURGE])
def test_nothing_is_published_while_something_may_remove_it(nights, what):
    config, (first, second) = nights(30, 31)
    store = corpus_of(config)
    taken = lease.take(store, what, wait=False)
    with pytest.raises(LeaseHeldError, match=f"worked on by {what} "):
        publish(store, "main", store.release(first), "the old one was right")
    with pytest.raises(LeaseHeldError, match=f"worked on by {what} "):
        rollback(store, "main", "prices were wrong")
    assert refs_of(config) == {"latest": second, "published": second}
    taken.release()
    assert rollback(store, "main", "prices were wrong").release == first


def test_a_collection_that_begins_as_the_run_beside_ends_is_told_of(nights):
    config, (_, second) = nights(30, 31)
    store = corpus_of(config)
    tonight = lease.take(store, "a run", wait=False)
    told = pytest.raises(LeaseLostError, match=r"publish is done, but gc \(process .* meanwhile")
    with told, lease.nothing_removed(store, "publish"):
        tonight.release()
        collection = lease.take(store, lease.GC, wait=False)
    collection.release()
    assert publish(store, "main", store.release(second), "as it is").moved is False


def test_a_run_that_begins_as_the_run_beside_ends_is_none_of_a_commands_concern(nights):
    config, _ = nights(30)
    store = corpus_of(config)
    tonight = lease.take(store, "a run", wait=False)
    with lease.nothing_removed(store, "publish"):
        tonight.release()
        tomorrow = lease.take(store, "another run", wait=False)
    assert newest(store.files, store.layout) == tomorrow.holder
    tomorrow.release()


def test_a_rollback_does_not_wait_for_a_run_to_end(nights, corpus, questions):
    config, (first, _) = nights(30, 31)
    tonight = begin(corpus(questions[:32]))
    assert rollback(corpus_of(config), "main", "prices were wrong").release == first
    die(tonight)
    assert lease.take(corpus_of(config), "test", wait=False).release() is None


def collected(nights, **tables):
    """Return a corpus of which gc has left release.json alone of the second of three releases, and the releases."""
    config, releases = nights(30, 31, **tables)
    store = corpus_of(config)
    rollback(store, "main", "prices were wrong")
    collect(store, keep=0, grace_days=-1, delete=True)
    return config, store, releases


def test_a_collected_release_is_published_nowhere(nights):
    _, store, (_, second) = collected(nights)
    with pytest.raises(InputError, match=r"has left release\.json alone"):
        publish(store, "other", store.release(second), "elsewhere it was right")
    assert store.refs.read("other", "published") is None
    assert verify(store).sound


def test_a_ref_that_names_a_collected_release_is_found(nights):
    _, store, (_, second) = collected(nights)
    store.refs.move("other", "published", second, expected=None, reason=Reason("somebody", "by hand"))
    found = verify(store).wrong
    assert {entry["kind"] for entry in found} >= {"report", "export"}


def test_a_rollback_passes_over_a_collected_release(nights):
    config, (first, second, third) = nights(30, 31, 32)
    store = corpus_of(config)
    for release in (first, second, third):
        publish(store, "other", store.release(release), "as in main")
    rollback(store, "main", "prices were wrong")
    rollback(store, "main", "these too")
    store.files.remove(store.layout.report(store.release(second).report))
    assert rollback(store, "other", "there as well").release == first
