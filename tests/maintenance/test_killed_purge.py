"""A purge that is killed after any of its changes leaves a sound store, and is begun again."""

import shutil

import pyarrow.parquet as pq
import pytest
from nights import carry, small

from sphering.errors import SourceError
from sphering.maintenance.purge import purge
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.store.corpus import CorpusStore
from sphering.store.local_files import LocalFiles

WHY = "request 2026-114"
ERASED = "q-0003"
STILL_THERE = "documents that a tombstone says were erased"
QUARANTINED = "a purge was about to erase"


class Killed(BaseException):
    """What a killed process does not survive."""


class StoppedFiles(LocalFiles):
    """Files of which so many may change, and then no more."""

    left = 1000
    place = "corpora/"

    def _count(self, key):
        if self.place in key and "/locks/" not in key:
            if self.left == 0:
                raise Killed
            self.left -= 1

    def remove(self, key):
        self._count(key)
        super().remove(key)

    def replace(self, key, data):
        self._count(key)
        super().replace(key, data)

    def create(self, key, data):
        self._count(key)
        return super().create(key, data)


@pytest.fixture(scope="module")
def template(questions, tmp_path_factory):
    """A store in which a document was published, quarantined and named by the error of a run."""
    folder = tmp_path_factory.mktemp("template")

    def night(rows):
        return small(
            folder,
            rows,
            export=[{"name": "table", "format": "parquet"}],
            gate=[{"metric": "quarantined_share", "max": 1.0}],
            run={"unit_rows": 8},
        )

    for size in (30, 31):
        carry(night(questions[:size]))
    carry(night([*questions[:3], (ERASED, ""), *questions[4:32]]))
    carry(night(questions[:33]))
    failing = begin(night([*questions[:33], (ERASED, "another text")]))
    with pytest.raises(SourceError) as conflict:
        ingest(failing)
    abandon(failing, conflict.value)
    return folder / "store"


def purged(root, changes=1000, place="corpora/"):
    """Purge a store of which so many changes in a place are let through; return whether they were enough."""
    store = CorpusStore(StoppedFiles(root), "questions")
    store.files.left, store.files.place = changes, place
    try:
        purge(store, [ERASED], WHY)
    except Killed:
        return False
    return True


def is_erased(root):
    """Return whether nothing in a store names the document, but where a tombstone does so by its hash."""
    named = [path for path in root.rglob("*.json") if ERASED in path.read_text(encoding="utf-8")]
    for path in root.rglob("*.parquet"):
        if "doc_id" in pq.read_schema(path).names and ERASED in pq.read_table(path)["doc_id"].to_pylist():
            named.append(path)
    return not named


def kill_and_begin_again(template, root, changes, place="corpora/"):
    """Kill a purge after so many changes and begin it again; return what `verify` found between, None if none was."""
    shutil.copytree(template, root)
    store = CorpusStore(LocalFiles(root), "questions")
    if purged(root, changes, place):
        return None
    found = verify(store).wrong
    assert purged(root)
    assert verify(store).sound
    assert is_erased(root)
    return [entry["found"] for entry in found]


def test_a_purge_that_is_killed_over_quarantined_rows_says_so_and_is_begun_again(template, tmp_path):
    (found,) = kill_and_begin_again(template, tmp_path / "store", 0, "/quarantine.parquet")
    assert QUARANTINED in found


@pytest.mark.parametrize("changes", [0, 1])
def test_a_purge_that_is_killed_over_exports_is_begun_again(template, tmp_path, changes):
    found = kill_and_begin_again(template, tmp_path / "store", changes, "/exports/")
    assert found
    assert all(STILL_THERE in each for each in found)


@pytest.mark.soak
def test_a_purge_that_is_killed_after_any_change_leaves_a_sound_store_and_is_begun_again(template, tmp_path):
    found, changes = [], 0
    while (between := kill_and_begin_again(template, tmp_path / f"{changes}", changes)) is not None:
        found.append(between)
        changes += 1
    assert changes >= 30
    assert found[0] == []  # killed before the tombstone, nothing is promised
    assert all(STILL_THERE in each or QUARANTINED in each for between in found for each in between)
    assert sum(QUARANTINED in each for between in found for each in between) == 1
