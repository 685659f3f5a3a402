"""What holds for the files of every store: add a new kind to `KINDS`, and it must pass."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sphering.errors import NotFoundError, TerminalError
from sphering.store.opening import begin_files, creates_if_absent, open_files

KINDS = ("folder", "s3")
BIG = 20 << 20  # several parts of an upload


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    """Where a store of each kind may begin."""
    return tmp_path / "store" if request.param == "folder" else f"{request.getfixturevalue('s3').bucket()}/some/prefix"


@pytest.fixture
def files(place):
    return begin_files(place, single_writer=False)


class TestFiles:
    def test_what_exists_is_never_replaced(self, files):
        assert files.create("a/b.json", b"first")
        assert not files.create("a/b.json", b"second")
        assert not files.create("a/b.json", b"first")
        assert files.read("a/b.json") == b"first"

    def test_it_creates_if_absent(self, files):
        assert creates_if_absent(files)
        assert files.walk("") == []

    def test_a_finished_file_is_created_from_and_left_where_it_was(self, files, tmp_path):
        source = tmp_path / "finished.parquet"
        source.write_bytes(b"vectors")
        assert files.create_from("x/y.parquet", source)
        source.with_name("other").write_bytes(b"others")
        assert not files.create_from("x/y.parquet", source.with_name("other"))
        assert files.read("x/y.parquet") == source.read_bytes() == b"vectors"

    def test_a_folder_is_created_from_a_finished_one_and_what_is_there_stays(self, files, tmp_path):
        for name, content in {"one/a": b"1", "one/b": b"1", "two/b": b"2", "two/c": b"2"}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        for name in ("one", "two"):
            files.create_folder("x/y", tmp_path / name)
        assert {key: files.read(key) for key in files.walk("x")} == {"x/y/a": b"1", "x/y/b": b"1", "x/y/c": b"2"}
        assert (tmp_path / "one" / "a").read_bytes() == b"1"

    def test_a_big_file_is_created_as_a_whole_if_it_is_absent(self, files, tmp_path):
        first, second = tmp_path / "first", tmp_path / "second"
        first.write_bytes(os.urandom(BIG))
        second.write_bytes(os.urandom(BIG))
        assert files.create_from("x/big", first)
        assert not files.create_from("x/big", second)
        assert files.path("x/big").read_bytes() == first.read_bytes()
        assert files.size("x/big") == BIG

    def test_of_16_racing_creators_one_wins_and_its_bytes_stay(self, files, place):
        begin = threading.Barrier(16)

        def race(number):
            begin.wait()
            return open_files(place).create("refs/main/latest/00000001.json", b"%d" % number)

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(race, range(16)))
        assert won.count(True) == 1
        assert files.read("refs/main/latest/00000001.json") == b"%d" % won.index(True)

    def test_of_racing_processes_one_wins(self, files, place):
        code = (
            "import sys; from sphering.store.opening import open_files\n"
            "files = open_files(sys.argv[1]); files.exists('x'); print('ready', flush=True); sys.stdin.readline()\n"
            "print(files.create('ref', sys.argv[2].encode()), flush=True)"
        )
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(place), str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(4)
        ]
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [racer.communicate(timeout=60)[0].strip() for racer in racers]
        assert sorted(won) == ["False", "False", "False", "True"]
        assert files.read("ref") == str(won.index("True")).encode()

    def test_folders_are_listed_and_walked_in_order(self, files):
        for key in ("a/two/x", "a/one/y", "a/one/b/z", "a/file", "ab/other"):
            files.create(key, b"1")
        assert files.children("a") == ["file", "one", "two"]
        assert set(files.children("")) - {"temporary"} == {"a", "ab"}
        assert files.children("nothing") == files.walk("nothing") == []
        assert files.walk("a") == ["a/file", "a/one/b/z", "a/one/y", "a/two/x"]
        assert files.children("a/on") == []

    def test_long_listings_are_whole(self, files):
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda number: files.replace(f"many/{number:04d}", b""), range(1010)))
        assert files.children("many") == [f"{number:04d}" for number in range(1010)]
        assert len(files.walk("many")) == 1010

    def test_a_file_is_no_folder_and_a_folder_no_file(self, files):
        files.create("a/b", b"1")
        assert files.exists("a/b")
        assert not files.exists("a")
        assert files.children("a/b") == []

    def test_the_path_of_a_folder_leaves_what_is_in_it(self, files):
        files.create("a/b", b"1")
        path = files.path("a/b")
        files.path("a")
        assert path.read_bytes() == b"1"

    def test_a_size_is_in_bytes_and_a_missing_file_has_none(self, files):
        files.create("a", b"12345")
        assert files.size("a") == 5
        with pytest.raises(NotFoundError, match="no b") as raised:
            files.size("b")
        assert raised.value.where == files.where("b")

    def test_times_are_those_of_one_clock(self, files):
        before = files.now()
        files.create("a", b"1")
        assert before - 1 <= files.modified("a") <= files.now() + 1
        assert files.modified("b") == 0
        time.sleep(1.1)
        files.replace("a", b"2")
        assert files.modified("a") > before

    def test_what_was_removed_is_gone_however_it_is_asked_for(self, files):
        files.create("a/b/c", b"1")
        assert files.path("a/b/c").read_bytes() == b"1"
        files.remove("a/b/c")
        assert not files.exists("a/b/c")
        assert not files.path("a/b/c").exists()
        assert files.walk("a") == files.children("a") == []
        files.remove("a/b/c")
        with pytest.raises(NotFoundError, match="no a/b/c") as raised:
            files.read("a/b/c")
        assert raised.value.where == files.where("a/b/c")
        assert files.create("a/b/c", b"2")
        assert files.path("a/b/c").read_bytes() == b"2"

    def test_a_derived_file_is_replaced_and_never_read_stale(self, files, place):
        files.replace("page.html", b"old")
        assert files.path("page.html").read_bytes() == b"old"
        open_files(place).replace("page.html", b"new")
        assert files.read("page.html") == files.path("page.html").read_bytes() == b"new"

    def test_a_folder_on_this_machine_holds_what_the_store_does(self, files, place):
        files.create("export/vectors.npy", b"1")
        files.create("export/ids.parquet", b"2")
        assert _content(files.folder("export")) == {"vectors.npy": b"1", "ids.parquet": b"2"}
        open_files(place).remove("export/ids.parquet")
        files.create("export/manifest.json", b"3")
        assert _content(files.folder("export")) == {"vectors.npy": b"1", "manifest.json": b"3"}

    @pytest.mark.parametrize("key", ["../outside", "a/../../b", "/etc/passwd"])
    def test_no_key_leaves_the_store(self, files, key):
        ways = (files.path, files.read, files.exists, files.remove, files.children, files.walk, files.modified)
        for way in (*ways, files.size, files.folder, files.working, lambda key: files.create(key, b"")):
            with pytest.raises(TerminalError, match="leaves the store"):
                way(key)

    def test_nothing_half_written_is_visible_and_nothing_temporary_left(self, files, tmp_path):
        source = tmp_path / "big"
        source.write_bytes(b"x" * BIG)
        seen, ended = set(), threading.Event()

        def look():
            while not ended.is_set():
                seen.update((key, files.size(key)) for key in files.walk("a"))

        looking = threading.Thread(target=look)
        looking.start()
        files.create_from("a/big", source)
        ended.set()
        looking.join()
        assert seen <= {("a/big", BIG)}
        assert [key for key in files.walk("") if not key.startswith("a/")] == []
        assert [path for path in files.working().glob("temporary/*")] == []

    def test_a_fresh_look_sees_the_stores_own_bytes(self, files):
        files.create("a", b"store")
        mirrored = files.path("a")
        state = mirrored.stat()
        mirrored.write_bytes(b"other")
        os.utime(mirrored, ns=(state.st_atime_ns, state.st_mtime_ns))
        own = b"store" if mirrored.is_relative_to(files.working("mirror")) else b"other"
        with files.fresh() as fresh:
            assert fresh.path("a").read_bytes() == own

    def test_messages_name_a_key_by_its_place(self, files, place):
        assert files.where("a/b") == f"{place}/a/b"
        assert files.where() == str(place)
        files.create("a/b", b"1")
        assert files.named(f"look at {files.path('a/b')}") == f"look at {place}/a/b"

    def test_a_place_that_holds_something_is_taken(self, files):
        assert not files.is_taken()
        files.create("temporary/x.tmp", b"")
        assert not files.is_taken()
        files.create("a", b"")
        assert files.is_taken()


def _content(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
