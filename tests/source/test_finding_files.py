"""Paths, folders, globs and the names that ids are made from."""

import gzip
import os

import pytest

from sphering.errors import SourceError


@pytest.fixture
def tree(tmp_path):
    for name in ("docs/a.md", "docs/sub/b.txt", "docs/sub/c.rst", "docs/.hidden/d.md", "other/e.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}")
    return tmp_path


def test_a_folder_is_read_at_any_depth_without_hidden_files(tree, staging):
    staging(path="docs")
    assert sorted(staging.texts()) == ["a.md", "sub/b.txt"]


def test_names_start_where_all_paths_meet(tree, staging):
    staging(path=["docs", "other"], format="text")
    assert sorted(staging.texts()) == ["docs/a.md", "docs/sub/b.txt", "other/e.md"]
    staging(path=["docs/sub/b.txt", "docs"], format="text")
    assert sorted(staging.texts()) == ["a.md", "sub/b.txt"]
    staging(path="docs/**/*.rst", format="text")
    assert sorted(staging.texts()) == ["sub/c.rst"]


def test_absolute_and_relative_paths_give_the_same_documents(tree, staging):
    first = staging(path="docs")
    second = staging(path=str(tree / "docs"))
    third = staging(path="../docs", base=tree / "other")
    assert first == second
    assert third.content_digest == first.content_digest
    assert {file.path for file in first.files} == {"docs/a.md", "docs/sub/b.txt"}
    assert {file.path for file in third.files} == {str(tree / "docs/a.md"), str(tree / "docs/sub/b.txt")}


def test_a_file_that_two_paths_find_is_read_once(tmp_path, staging, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "text": "t"}])
    assert staging(path=["a.jsonl", "*.jsonl", "."]).rows_read == 1


def test_many_files_of_two_compressions_are_one_source(tmp_path, staging, write_jsonl):
    for n in range(5):
        write_jsonl(tmp_path / f"{n}.jsonl", [{"id": n, "text": f"t{n}"}])
        path = write_jsonl(tmp_path / "x", [{"id": n + 5, "text": f"t{n + 5}"}])
        (tmp_path / f"{n}.ndjson.gz").write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / "x").unlink()
    staged = staging(path=".")
    assert (staged.documents, len(staged.files)) == (10, 10)


def test_ids_of_lines_do_not_change_when_a_file_is_compressed(tmp_path, staging):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    first = staging(path="a.txt", format="lines")
    (tmp_path / "a.txt").rename(tmp_path / "b")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress((tmp_path / "b").read_bytes()))
    second = staging(path="a.txt.gz", format="lines")
    assert first.content_digest == second.content_digest
    assert sorted(staging.texts()) == ["a.txt:1", "a.txt:2"]


def test_paths_with_characters_of_globs_are_taken_literally_if_there(tmp_path, staging):
    (tmp_path / "a[1].lines").write_text("one\n")
    staging(path="a[1].lines")
    assert staging.texts() == {"a[1].lines:1": "one"}


def test_a_file_name_that_is_no_text_is_refused(tmp_path, staging):
    (tmp_path / "docs").mkdir()
    name = os.fsencode(tmp_path / "docs") + b"/\xff.md"
    os.close(os.open(name, os.O_CREAT))
    with pytest.raises(SourceError, match="the name of a file is no UTF-8"):
        staging(path="docs")
