"""An erasure is begun when it can be ended, says what it found, and is watched afterwards."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from nights import carry, small

from sphering.config.model import Config
from sphering.errors import NotFoundError
from sphering.maintenance.purge import purge
from sphering.maintenance.verify import verify
from sphering.store.store import Store

WHY = "request 2026-114"


@pytest.fixture(scope="module")
def template(questions, tmp_path_factory):
    """A store from which one document of thirty was erased."""
    folder = tmp_path_factory.mktemp("template")
    carry(small(folder, questions[:30]))
    done = purge(Store.open(folder / "store").corpus("questions"), [questions[3][0], "never seen"], WHY)
    return folder / "store", done


@pytest.fixture
def store(template, tmp_path):
    return Store.open(Path(shutil.copytree(template[0], tmp_path / "store"))).corpus("questions")


def test_it_counts_the_documents_that_it_found(template):
    assert (template[1].ids, template[1].counts["documents"]) == (2, 1)


def test_a_lost_tombstone_is_missed(template, store):
    key = store.layout.tombstone(template[1].tombstone)
    store.files.remove(key)
    (found,) = verify(store).wrong
    assert "takes its documents in again" in found["found"]
    assert found["where"] == str(store.files.path(key))


def test_the_tombstone_of_another_purge_is_no_tombstone(template, store):
    path = store.files.path(store.layout.tombstone(template[1].tombstone))
    path.write_bytes(Path(store.files.root / "store.json").read_bytes())
    assert [(entry["kind"], entry["where"]) for entry in verify(store).wrong] == [("tombstone", str(path))]


def test_a_manifest_that_is_something_else_is_named_and_the_rest_looked_at(store):
    (snapshot,) = store.snapshot_ids()
    path = store.files.path(store.layout.manifest(snapshot))
    path.write_bytes(Path(store.files.root / "store.json").read_bytes())
    assert str(path) in [entry["where"] for entry in verify(store).wrong]


def test_a_shard_that_holds_an_erased_document_is_found(store, questions):
    folder = store.files.root.parent
    shutil.move(store.files.path(store.layout.tombstones), folder / "aside")
    carry(small(folder, questions[:30]))
    shutil.move(folder / "aside", store.files.path(store.layout.tombstones))
    found = verify(store).wrong
    assert found
    assert {entry["kind"] for entry in found} == {"erasure"}
    assert all("1 documents that a tombstone says were erased" in entry["found"] for entry in found)


def test_nothing_is_begun_that_cannot_be_ended(copy, made):
    (evaluation,) = copy.files.children(copy.layout.evaluations)
    copy.files.remove(copy.layout.evaluation_manifest(evaluation))
    (found,) = verify(copy).wrong
    assert found["kind"] == "report"
    assert found["where"].endswith(f"{evaluation}/manifest.json")
    before = {path: path.stat().st_mtime_ns for path in copy.files.root.rglob("*.json")}
    doc_id = next(iter(copy.snapshot(made[1]["snapshot"]).sample(1).doc_ids))
    with pytest.raises(NotFoundError, match=r"manifest\.json"):
        purge(copy, [doc_id], WHY)
    after = {path: path.stat().st_mtime_ns for path in copy.files.root.rglob("*.json") if "locks" not in path.parts}
    assert after.items() <= before.items()
    assert copy.purged() == frozenset()


def test_text_files_that_were_erased_are_named_no_more(tmp_path):
    folder = tmp_path / "letters"
    folder.mkdir()
    for number in range(12):
        (folder / f"patient-{number:03d}.txt").write_text(f"letter number {number} about something else")
    (folder / "patient-012.txt").write_bytes(b"no \xff text")
    config = Config.model_validate(
        {
            "corpus": "letters",
            "base": str(tmp_path),
            "store": str(tmp_path / "store"),
            "source": {"path": str(folder), "format": "text"},
            "encoder": {"backend": "torch"},
            "transform": {"kind": "none"},
            "gate": [{"metric": "quarantined_share", "max": 1}],
        }
    )
    carry(config)
    store = Store.open(config.store).corpus("letters")
    erased = ["patient-007.txt", "patient-012.txt"]
    purge(store, erased, WHY)
    for path in (tmp_path / "store").rglob("*.json"):
        assert not [name for name in erased if name in path.read_text()], path
    for path in (tmp_path / "store").rglob("quarantine.parquet"):
        assert "patient-012" not in json.dumps(pq.read_table(path).to_pylist(), default=str)
    assert verify(store).sound
