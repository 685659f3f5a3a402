"""A withdrawn release is looked at until a collection has taken its parts, whether or not its derived page is there."""

import os
import shutil
from pathlib import Path

import pytest
from nights import carry, small

from sphering.maintenance.collection import collect
from sphering.maintenance.publication import rollback
from sphering.maintenance.verify import verify
from sphering.store.store import Store


@pytest.fixture(scope="module")
def template(questions, tmp_path_factory):
    """A store in which two nights published a release each, and the second was withdrawn."""
    folder = tmp_path_factory.mktemp("template")
    for size in (20, 21):
        carry(small(folder, questions[:size]))
    rollback(Store.open(folder / "store").corpus("questions"), "main", "wrong prices")
    return folder / "store"


@pytest.fixture
def store(template, tmp_path):
    return Store.open(Path(shutil.copytree(template, tmp_path / "store"))).corpus("questions")


@pytest.fixture
def left(store):
    """The withdrawn release, its page gone."""
    release = store.release(*store.refs.all_withdrawn())
    store.files.path(store.layout.page(release.id)).unlink()
    return release


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("part", ["exports", "reports", "snapshots"])
def test_a_withdrawn_release_without_its_page_is_looked_at_still(store, left, part):
    assert verify(store).sound
    key = {
        "exports": f"{left.exports[0].path}/vectors.npy",
        "reports": store.layout.report(left.report),
        "snapshots": store.layout.manifest(left.snapshot),
    }[part]
    path = store.files.path(key)
    flip(path)
    assert [entry["where"] for entry in verify(store).wrong] == [str(path)]


def test_what_a_young_run_ended_in_stays_though_it_was_withdrawn_and_has_no_page(store, left):
    for path in store.files.path(store.layout.root).rglob("*"):
        if path.is_file() and left.run not in str(path):
            os.utime(path, (0, 0))
    collect(store, keep=0, grace_days=7, delete=True)
    assert store.files.exists(store.layout.report(left.report))
    assert verify(store).sound


def test_of_a_collected_release_nothing_is_missed(store, left):
    collect(store, keep=0, grace_days=-1, delete=True)
    assert not store.files.exists(store.layout.report(left.report))
    assert store.has_release(left.id)
    assert verify(store).sound
