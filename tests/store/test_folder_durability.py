"""What a folder store leaves on disk when the power fails, and where it cannot be one."""

import errno
import os
from pathlib import Path

import pytest

from sphering.errors import StorageError
from sphering.store.local_files import LocalFiles
from sphering.store.store import Store


@pytest.fixture
def flushed(monkeypatch):
    """The paths that are flushed to disk, in order."""
    paths, flush = [], os.fsync

    def noted(descriptor):
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return paths


@pytest.mark.parametrize("write", [LocalFiles.create, LocalFiles.replace])
def test_each_new_folder_is_flushed_with_the_one_that_it_stands_in(write, tmp_path, flushed):
    files = LocalFiles(tmp_path / "new" / "store")
    write(files, "releases/abc/release.json", b"{}")
    new = [tmp_path / "new", files.root, files.root / "releases", files.root / "releases/abc"]
    assert {tmp_path, *new} <= set(flushed)


def test_folders_that_are_there_are_not_flushed_again(tmp_path, flushed):
    files = LocalFiles(tmp_path)
    files.create("releases/a.json", b"{}")
    flushed.clear()
    files.create("releases/b.json", b"{}")
    assert [path for path in flushed if path.is_dir()] == [tmp_path / "releases"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links_is_named_as_such(number, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageError, match="this file system has no hard links") as raised:
        Store.create(tmp_path / "store")
    assert "s3://" in raised.value.remedy
    assert "right to write" not in str(raised.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
