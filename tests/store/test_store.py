"""A store begins in a new or empty folder, whoever else begins one there, and however often that is interrupted."""

from pathlib import Path

import pytest

from sphering.errors import FormatError
from sphering.store.local_files import LocalFiles
from sphering.store.store import Store
from sphering.store.temporaries import TEMPORARY_FOLDER


def test_a_new_and_an_empty_folder_become_a_store(tmp_path):
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "empty", tmp_path / "new" / "deep"):
        Store.create(root)
        assert Store.open(root).corpora() == []


@pytest.mark.parametrize("left", [None, b"", b'{"form'])
def test_a_first_run_that_was_killed_before_the_format_was_written_leaves_a_folder_for_the_next(left, tmp_path):
    temporary = LocalFiles(tmp_path).temporary()
    if left is not None:
        temporary.write_bytes(left)
    Store.create(tmp_path)
    assert Store.open(tmp_path).corpora() == []


@pytest.mark.parametrize("name", ["notes.txt", f"{TEMPORARY_FOLDER}/notes.txt", f"{TEMPORARY_FOLDER}/a/b.tmp"])
def test_a_folder_that_holds_something_else_is_refused_and_left_as_it_is(name, tmp_path):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FormatError, match="is there and is no store"):
        Store.create(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "store").touch()
    with pytest.raises(FormatError, match="is there and is no store"):
        Store.create(tmp_path / "store")


def test_of_two_first_runs_the_second_adopts_the_store_that_the_first_begins_meanwhile(tmp_path, monkeypatch):
    listed = Path.iterdir

    def meanwhile(self):
        monkeypatch.undo()
        other = Store.create(tmp_path)
        other.files.create("corpora/theirs/encoders/model.json", b"{}")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", meanwhile)
    assert Store.create(tmp_path).corpora() == ["theirs"]
