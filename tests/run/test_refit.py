"""A refit: a new transform over the newest snapshot, published by its gates, kept by the nights after it."""

from nights import small

from sphering.run.begin import begin
from sphering.run.finish import finish
from sphering.run.select import select_snapshot
from sphering.store.store import Store

STEADY = {"kind": "center", "refit": "never"}


def _refit(config, released):
    workspace = begin(config, "refit")
    select_snapshot(workspace)
    released(workspace)
    return finish(workspace)


def _published(config):
    return Store.open(config.store).corpus(config.corpus).find_release("published")


def test_it_fits_anew_where_the_nights_never_would_and_they_keep_what_it_fitted(run, released, questions, tmp_path):
    first = run(small(tmp_path, questions[:30], transform=STEADY))
    config = small(tmp_path, questions[:40], transform=STEADY)
    night = run(config)
    assert night["transform"]["transform"] == first["transform"]["transform"]
    refitted = _refit(config, released)
    assert (refitted["release_status"], refitted["encoded"], refitted["exit_code"]) == ("published", 0, 0)
    assert (refitted["snapshot"], refitted["transform"]["status"]) == (night["snapshot"], "fitted")
    assert _published(config).id == refitted["release"]
    again = run(config)
    assert (again["release_status"], again["release"]) == ("unchanged", refitted["release"])
    assert _refit(config, released)["release_status"] == "unchanged"


def test_one_that_a_gate_holds_is_not_published_and_says_so(run, released, questions, tmp_path):
    run(small(tmp_path, questions[:30], transform=STEADY))
    night = run(small(tmp_path, questions[:40], transform=STEADY))
    gate = {"metric": "raw.mean_norm", "min": 100.0}
    held = _refit(small(tmp_path, questions[:40], transform=STEADY, gate=[gate]), released)
    assert (held["release_status"], held["exit_code"]) == ("held", 3)
    assert _published(small(tmp_path, questions[:40])).id == night["release"]
