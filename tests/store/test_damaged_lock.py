"""A lock file that was damaged holds a corpus no longer than a silent holder does."""

import os
import time

import pytest

from sphering.errors import LeaseHeldError
from sphering.maintenance.collection import collect
from sphering.run import lease as run_lease
from sphering.store import lease
from sphering.store.corpus import CorpusStore
from sphering.store.documents import to_bytes
from sphering.store.layout import Layout
from sphering.store.lease import check_held, newest, take
from sphering.store.local_files import LocalFiles

LAYOUT = Layout("questions")
DAMAGES = [b"x\n", b"", b'{"number": 2', b"[]", to_bytes({"number": 2, "who": "of another version"}), b"\xff\xfe"]


@pytest.fixture
def files(tmp_path):
    return LocalFiles(tmp_path)


def damaged(files, data=b"x\n", number=2):
    files.replace(LAYOUT.lock(number), data)


def old(files, number=2):
    os.utime(files.path(LAYOUT.lock(number)), (time.time() - lease.EXPIRES_SECONDS - 1,) * 2)


@pytest.mark.parametrize("data", DAMAGES)
def test_a_damaged_lock_is_held_while_it_is_young(files, data):
    damaged(files, data)
    with pytest.raises(LeaseHeldError, match="a process whose lock, number 2, cannot be read"):
        take(files, LAYOUT, "this run", wait=False)


@pytest.mark.parametrize("data", DAMAGES)
def test_an_old_damaged_lock_is_free_and_numbers_go_on_after_it(files, data):
    damaged(files, data)
    old(files)
    taken = take(files, LAYOUT, "this run", wait=False)
    assert taken.holder.number == 3
    assert files.children(LAYOUT.locks) == ["00000003.json"]
    taken.release()


def test_who_waits_for_a_damaged_lock_gets_it_when_it_is_old(files):
    damaged(files)
    taken = take(files, LAYOUT, "this run", wait=True, waiting=lambda _: old(files))
    assert taken.holder.number == 3
    taken.release()


def test_a_collection_goes_on_after_an_old_damaged_lock(files):
    damaged(files)
    old(files)
    assert collect(CorpusStore(files, "questions"), keep=5, grace_days=7.0, delete=True).deleted
    assert newest(files, LAYOUT).what == run_lease.GC


def test_a_file_beside_the_locks_that_is_none_is_no_lock(files):
    files.create(f"{LAYOUT.locks}/00000002.json~", b"an editor's copy")
    files.create(f"{LAYOUT.locks}/notes.json", b"{}")
    taken = take(files, LAYOUT, "this run", wait=False)
    assert taken.holder.number == 1
    taken.release()


def test_a_living_holder_mends_its_damaged_lock(files, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    taken = take(files, LAYOUT, "a run", wait=False)
    damaged(files, number=1)
    end = time.monotonic() + 30
    while newest(files, LAYOUT) != taken.holder and time.monotonic() < end:
        time.sleep(0.01)
    assert newest(files, LAYOUT) == taken.holder
    check_held(files, LAYOUT, 1)
    taken.release()
    assert newest(files, LAYOUT).released
