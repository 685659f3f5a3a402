"""Verification reads every value of every ref, names what was touched or lost, and looks at the others still."""

import json
import shutil
from pathlib import Path

import pytest
from nights import carry, release, small
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.maintenance.collection import collect
from sphering.maintenance.publication import publish, rollback
from sphering.maintenance.purge import purge
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.finish import finish
from sphering.run.select import select_snapshot
from sphering.store.documents import to_bytes
from sphering.store.store import Store


@pytest.fixture(scope="module")
def template(questions, tmp_path_factory):
    """A store in which two nights published a release each; the releases in order."""
    folder = tmp_path_factory.mktemp("template")
    return folder, [carry(small(folder, questions[:size]))["release"] for size in (20, 21)]


@pytest.fixture
def folder(template, tmp_path):
    return Path(shutil.copytree(template[0], tmp_path / "copy"))


@pytest.fixture
def store(folder):
    return Store.open(folder / "store").corpus("questions")


def value(store, name, number):
    return store.files.path(f"{store.layout.ref('main', name)}/{number:08d}.json")


def lost(store, name):
    """Lose the newest value of a ref; return the ref's folder."""
    path = max(store.files.path(store.layout.ref("main", name)).iterdir())
    path.unlink()
    return str(path.parent)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def wrong(store, selector=None):
    return [(entry["kind"], entry["name"], entry["where"]) for entry in verify(store, selector).wrong]


@pytest.mark.parametrize("name", ["latest", "published"])
@pytest.mark.parametrize("number", [1, 2])
def test_an_edited_value_of_a_ref_is_the_one_finding_and_the_others_are_looked_at(store, name, number):
    path = value(store, name, number)
    flip(path)
    findings = verify(store)
    assert [(entry["kind"], entry["name"], entry["where"]) for entry in findings.wrong] == [
        ("ref", f"main/{name}", str(path))
    ]
    assert (findings.checked["release"], findings.checked["ref"], findings.checked["run"]) == (2, 2, 2)


def test_two_corruptions_of_which_one_is_a_value_of_a_ref_are_two_findings(store):
    path = value(store, "published", 1)
    flip(path)
    vectors = min(store.files.root.rglob("vectors.npy"))
    flip(vectors)
    assert sorted(wrong(store)) == [("export", "matrix", str(vectors)), ("ref", "main/published", str(path))]


@pytest.mark.parametrize("asked", [[], ["published"], ["--reencode", "3"], ["published", "--reencode", "3"]])
def test_the_command_names_an_edited_value_and_exits_with_1(store, asked):
    path = value(store, "published", 2)
    flip(path)
    command = ["verify", "--store", str(store.files.root), "--json", *asked]
    done = CliRunner().invoke(app, command)
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert set(found) == {"sound", "checked", "wrong", "skipped", "reencoded"}
    assert not found["sound"]
    assert [entry["where"] for entry in found["wrong"]] == [str(path)]


def test_a_value_of_other_fields_is_named(store):
    path = value(store, "latest", 1)
    path.write_bytes(to_bytes({"release": "another"}))
    assert wrong(store) == [("ref", "main/latest", str(path))]


def test_a_stray_file_beside_the_values_of_a_ref_is_none_of_them(folder, store, questions):
    for stray in ("00000002.json~", "00000003.json.swp", "zz.json", "3.json"):
        value(store, "published", 2).with_name(stray).write_text("{")
    value(store, "published", 2).parent.with_name("notes.txt").write_text("mine")
    assert store.refs.read("main", "published").number == 2
    assert verify(store).sound
    assert carry(small(folder, questions[:22]))["release_status"] == "published"
    assert [entry.number for entry in store.refs.history("main", "published")] == [1, 2, 3]


def test_a_value_that_is_missing_among_others_is_one_finding(store):
    path = value(store, "published", 1)
    path.unlink()
    assert wrong(store) == [("ref", "main/published", str(path.parent))]


def test_a_collected_release_is_no_finding_where_the_value_that_withdrew_it_is_damaged(store, template):
    rollback(store, "main", "wrong prices")
    collect(store, keep=1, grace_days=-1, delete=True)
    assert verify(store).sound
    path = value(store, "published", 3)
    flip(path)
    assert wrong(store) == [("ref", "main/published", str(path))]


def test_the_missing_file_of_a_withdrawn_release_is_found(folder, store, template, questions):
    rollback(store, "main", "wrong prices")
    path = store.files.path(store.layout.release(template[1][1]))
    path.unlink()
    assert wrong(store) == [("release", template[1][1], str(path))]


def test_the_missing_file_of_a_release_that_refs_name_is_one_finding(store, template):
    path = store.files.path(store.layout.release(template[1][1]))
    path.unlink()
    assert wrong(store) == [("release", template[1][1], str(path))]
    assert wrong(store, "main/published") == [("release", template[1][1], str(path))]


def test_an_edited_release_is_one_finding(store, template):
    path = store.files.path(store.layout.release(template[1][1]))
    flip(path)
    assert wrong(store) == wrong(store, "published") == [("release", template[1][1], str(path))]


def test_a_snapshot_is_verified_beside_an_edited_release(store, template):
    snapshot = store.release(template[1][0]).snapshot
    path = store.files.path(store.layout.release(template[1][1]))
    flip(path)
    assert [where for _, _, where in wrong(store, snapshot)] == [str(path)]


@pytest.mark.parametrize(("name", "did"), [("published", "published"), ("latest", "ended in")])
def test_a_lost_last_value_is_found_by_the_record_of_the_run_that_made_it(store, template, name, did):
    where = lost(store, name)
    (found,) = verify(store).wrong
    run = store.release(template[1][1]).run
    assert (found["kind"], found["name"], found["where"]) == ("ref", f"main/{name}", where)
    assert found["found"] == f"the run {run} {did} the release {template[1][1]}, and no value of the ref names it"


def test_a_ref_that_is_lost_whole_is_found(store):
    shutil.rmtree(value(store, "published", 1).parent)
    assert {name for _, name, _ in wrong(store)} == {"main/published"}


def test_unchanged_withdrawn_and_held_nights_and_later_exports_are_no_losses(folder, store, template, questions):
    assert carry(small(folder, questions[:21]))["release_status"] == "unchanged"
    rollback(store, "main", "wrong prices")
    assert carry(small(folder, questions[:21]))["release_status"] == "withdrawn"
    assert verify(store).sound
    held = small(folder, questions[:22], gate=[{"metric": "raw.mean_cosine", "max": 0.01}])
    assert carry(held)["release_status"] == "held"
    gated = small(folder, questions[:22], gate=[{"metric": "quarantined_share", "max": 0.0}])
    assert carry(gated)["release_status"] == "published"
    for name in ("latest", "published"):
        tables = {"export": [{"name": "matrix", "format": "npy"}, {"name": name, "format": "fbin"}]}
        workspace = begin(small(folder, questions[:22], **tables), "export", "published")
        select_snapshot(workspace)
        release(workspace)
        made = finish(workspace)
        assert made["release_status"] == "latest"
    publish(store, "main", store.release(made["release"]), "by hand")
    assert verify(store).sound
    lost(store, "latest")
    assert [name for _, name, _ in wrong(store)] == ["main/latest"]


def test_a_held_release_that_nothing_names_is_found(folder, store, questions):
    held = small(folder, questions[:22], gate=[{"metric": "raw.mean_cosine", "max": 0.01}])
    assert carry(held)["release_status"] == "held"
    where = lost(store, "latest")
    assert wrong(store) == [("ref", "main/latest", where)]


def test_a_purged_store_has_lost_nothing(folder, store, questions):
    purge(store, [questions[3][0]], "request 2026-114")
    assert verify(store).sound


def test_a_purge_that_was_killed_before_it_moved_a_ref_has_lost_nothing(store, questions):
    purge(store, [questions[3][0]], "request 2026-114")
    history = store.refs.history("main", "published")
    successor = history[-1].release
    for name in ("latest", "published"):
        value(store, name, 3).unlink()
    findings = verify(store).wrong  # the releases that the purge deleted; not that nothing names the successor
    assert not [entry for entry in findings if successor in entry["found"]]


def test_a_run_that_was_killed_before_its_record_has_lost_nothing(store, template):
    shutil.rmtree(store.files.path(store.layout.run(store.release(template[1][1]).run)).parent)
    assert verify(store).sound
