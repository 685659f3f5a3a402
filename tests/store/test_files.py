"""The one door to stored bytes."""

import errno
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sphering.errors import NotFoundError, StorageError, TerminalError
from sphering.store.files import storage_errors
from sphering.store.local_files import LocalFiles
from sphering.store.temporaries import TEMPORARY_FOLDER


@pytest.fixture
def files(tmp_path):
    return LocalFiles(tmp_path)


def test_what_exists_is_never_replaced(files):
    assert files.create("a/b.json", b"first")
    assert not files.create("a/b.json", b"second")
    assert files.read("a/b.json") == b"first"


def test_a_finished_file_is_created_from_and_left_where_it_was(files, tmp_path):
    source = tmp_path / "finished"
    source.write_bytes(b"vectors")
    assert files.create_from("x/y.parquet", source)
    assert not files.create_from("x/y.parquet", source)
    assert files.read("x/y.parquet") == source.read_bytes() == b"vectors"


def test_of_16_racing_folders_one_is_there_whole_at_any_moment(files, tmp_path_factory):
    source = tmp_path_factory.mktemp("finished")
    for number in range(16):
        (source / str(number)).mkdir()
        for name in "abcdefgh":
            (source / str(number) / name).write_text(str(number))
    begin, seen = threading.Barrier(16), []

    def race(number):
        begin.wait()
        files.create_folder("x/y", source / str(number))
        seen.append([files.read(f"x/y/{name}") for name in files.children("x/y")])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(race, range(16)))
    assert all(found == seen[0] for found in seen)
    assert len(seen[0]) == 8
    assert len(set(seen[0])) == 1
    assert files.children(TEMPORARY_FOLDER) == []


def test_no_temporary_file_is_left(files):
    files.create("a/b.json", b"1")
    assert files.children("a") == ["b.json"]


def test_a_derived_file_is_replaced_in_one_rename(files):
    files.replace("page.html", b"old")
    files.replace("page.html", b"new")
    assert files.read("page.html") == b"new"
    assert [path.name for path in files.root.rglob("*") if path.is_file()] == ["page.html"]


def test_temporary_files_of_dead_processes_are_removed_and_those_of_the_living_kept(files):
    files.create("a", b"1")
    context = multiprocessing.get_context("spawn")
    dead = context.Process(target=os.getpid)
    dead.start()
    dead.join()
    folder = files.root / TEMPORARY_FOLDER
    mine = files.temporary()
    mine.write_bytes(b"working")
    left = mine.with_name(mine.name.replace(str(os.getpid()), str(dead.pid)))
    left.write_bytes(b"half")
    assert files.remove_dead_temporaries() == 1
    assert [path.name for path in folder.iterdir()] == [mine.name]


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "/etc/passwd"])
def test_no_key_leaves_the_store(files, key):
    with pytest.raises(TerminalError, match="leaves the store"):
        files.path(key)


def test_what_is_missing_is_named(files):
    with pytest.raises(NotFoundError, match=r"no a/b\.json"):
        files.read("a/b.json")


def _race(root, name, queue):
    queue.put((name, LocalFiles(root).create("ref/00000001.json", name.encode())))


def test_of_racing_writers_one_wins_and_its_bytes_stay(files):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    racers = [context.Process(target=_race, args=(files.root, f"writer-{number}", queue)) for number in range(4)]
    for racer in racers:
        racer.start()
    results = dict(queue.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join()
    winners = [name for name, won in results.items() if won]
    assert len(winners) == 1
    assert files.read("ref/00000001.json") == winners[0].encode()


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "writable"), (errno.EACCES, "right to write")],
)
def test_a_refusal_of_the_system_says_what_to_do(number, advice):
    with pytest.raises(StorageError, match=advice), storage_errors("/store"):
        raise OSError(number, os.strerror(number), "/store/x")
