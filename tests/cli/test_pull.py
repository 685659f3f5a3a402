"""`sphering pull`: an export as a folder of its own, whole at any moment."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from nights import small
from typer.testing import CliRunner

from sphering.cli import swap
from sphering.cli.app import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def night(run, tmp_path):
    """Make releases of some questions."""
    table = pq.read_table(ROOT / "examples/banking77/banking77.parquet")
    texts = list(dict.fromkeys(table["text"].to_pylist()[::100]))[:60]
    rows = [(f"q-{number}", text) for number, text in enumerate(texts)]

    def make(count):
        return run(small(tmp_path, rows[:count]))

    return make


def pull(folder, *arguments):
    store = folder / "store"
    options = ("--store", str(store), "--corpus", "questions")
    return CliRunner().invoke(app, ["pull", *options, "--export", "matrix", str(folder / "served"), *arguments])


def whole(folder):
    """Return whether a folder, once opened, holds what its manifest says; None where it went in the meantime."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        manifest = json.loads(_read(opened, "manifest.json"))
        return all(
            hashlib.sha256(_read(opened, name)).hexdigest() == file["sha256"]
            for name, file in manifest["files"].items()
        )
    except FileNotFoundError:
        return None
    finally:
        os.close(opened)


def _read(folder, name):
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as stream:
        return stream.read()


def test_a_reader_finds_the_old_folder_or_the_new_one_at_every_moment(night, tmp_path):
    night(40)
    assert pull(tmp_path).exit_code == 0
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.append(whole(tmp_path / "served"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for count in (50, 60, 45, 55):
            night(count)
            assert "pulled" in pull(tmp_path).stdout
    finally:
        stop.set()
        reader.join()
    assert True in seen
    assert False not in seen


def test_what_is_there_already_is_not_copied_again(night, tmp_path):
    night(40)
    pull(tmp_path)
    before = (tmp_path / "served" / "vectors.npy").stat().st_ino
    assert "unchanged" in pull(tmp_path, "--if-changed").stdout
    assert (tmp_path / "served" / "vectors.npy").stat().st_ino == before
    night(50)
    assert "pulled" in pull(tmp_path, "--if-changed").stdout


def test_a_file_that_lost_a_byte_of_its_own_is_copied_again(night, tmp_path):
    night(40)
    pull(tmp_path)
    path = tmp_path / "served" / "vectors.npy"
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert "pulled" in pull(tmp_path, "--if-changed").stdout
    assert path.read_bytes() == sound
    assert "unchanged" in pull(tmp_path, "--if-changed").stdout


def test_of_a_link_to_a_folder_the_folder_is_replaced_and_the_link_stays(night, tmp_path):
    night(40)
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "current").mkdir()
    (tmp_path / "served").symlink_to(tmp_path / "disk" / "current")
    for count in (40, 50):
        night(count)
        assert "pulled" in pull(tmp_path, "--if-changed").stdout
        assert (tmp_path / "served").readlink() == tmp_path / "disk" / "current"
        assert len(pq.read_table(tmp_path / "disk" / "current" / "ids.parquet")) == count
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["current"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "served", "source.parquet", "store"]


def test_a_power_cut_after_the_swap_takes_no_byte_back(night, tmp_path, monkeypatch):
    """Every file and the folder are flushed while the old folder is still in place, and its parent afterwards."""
    night(40)
    pull(tmp_path)
    night(50)
    old, flush, flushed = (tmp_path / "served").stat().st_ino, os.fsync, []

    def noted(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append((path, (tmp_path / "served").stat().st_ino == old))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    pull(tmp_path)
    names = {path.name for path in (tmp_path / "served").iterdir()}
    before = [path for path, old_in_place in flushed if old_in_place]
    (new,) = {path.parent for path in before if path.name == "vectors.npy"}
    assert {path.name for path in before if path.parent == new} == names
    assert before[-1] == new
    assert flushed[-1] == (tmp_path, False)


def test_a_changed_byte_leaves_the_old_folder_as_it_was(night, tmp_path):
    night(40)
    pull(tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "served").iterdir()}
    night(50)
    for path in (tmp_path / "store").rglob("exports/*/vectors.npy"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.unlink()
        path.write_bytes(data)
    done = pull(tmp_path)
    assert done.exit_code != 0
    assert "SHA-256" in done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "served").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["served", "source.parquet", "store"]


def test_what_a_killed_pull_left_half_filled_is_removed_by_the_next(night, tmp_path):
    night(40)
    code = (
        "import os, pathlib, signal, sys; from sphering.cli.swap import swap_in\n"
        "def fill(new):\n    (new / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "swap_in(pathlib.Path(sys.argv[1]), fill)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "served"], check=False)
    assert len(list(tmp_path.glob(".served.new.*"))) == 1
    assert pull(tmp_path).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["served", "source.parquet", "store"]


def test_where_folders_cannot_be_exchanged_two_renames_do(night, tmp_path, monkeypatch):
    night(40)
    pull(tmp_path)
    night(50)
    monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    assert pull(tmp_path).exit_code == 0
    assert whole(tmp_path / "served") is True
    assert len(pq.read_table(tmp_path / "served" / "ids.parquet")) == 50


def test_a_folder_that_holds_something_else_is_refused(night, tmp_path):
    night(40)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "thesis.txt").write_text("mine")
    done = pull(tmp_path)
    assert done.exit_code == 2
    assert (tmp_path / "served" / "thesis.txt").read_text() == "mine"
