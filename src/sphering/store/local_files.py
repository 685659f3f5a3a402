"""A store in a folder: what exists has its name by link(2), which fails where the name is taken."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from sphering.errors import NotFoundError, StorageError
from sphering.store.files import Files, key_parts, storage_errors
from sphering.store.flush import flush
from sphering.store.temporaries import TEMPORARY_FOLDER, TEMPORARY_SUFFIX

# Who wrote a file beside may give it a name, unless the file system cannot: vfat says EPERM, FUSE and CIFS the others.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)


class LocalFiles(Files):
    """Files under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def where(self, key: str = "") -> str:
        """Return how messages name a key: its path."""
        return str(self.root / key)

    def named(self, words: str) -> str:
        """Return the words: a key's path is its name."""
        return words

    def path(self, key: str) -> Path:
        """Return the path of a key."""
        return self.root.joinpath(*key_parts(key, str(self.root)))

    def folder(self, key: str) -> Path:
        """Return the folder itself."""
        return self.path(key)

    def working(self, key: str = "") -> Path:
        """Return the path of what is no part of the store, which lies in the store's folder."""
        return self.path(key)

    def fresh(self) -> AbstractContextManager[Files]:
        """Return the store itself: nothing stands between it and its reader."""
        return nullcontext(self)

    def is_taken(self) -> bool:
        """Return whether anything is there but what a first run leaves that is killed before it began."""
        if not self.root.is_dir():
            return self.root.exists()
        return not all(_is_remnant(entry) for entry in self.root.iterdir())

    def exists(self, key: str) -> bool:
        """Return whether the key has been created."""
        return self.path(key).is_file()

    def read(self, key: str) -> bytes:
        """Return the bytes of a key."""
        path = self.path(key)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"there is no {key}", where=self.where(key)) from error

    def children(self, key: str) -> list[str]:
        """Return the names directly under a folder, sorted."""
        folder = self.path(key)
        if not folder.is_dir():
            return []
        return sorted(entry.name for entry in folder.iterdir())

    def walk(self, key: str) -> list[str]:
        """Return the keys of all files below a folder, sorted."""
        folder = self.path(key)
        found = (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ()
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def size(self, key: str) -> int:
        """Return the bytes of a key."""
        try:
            return self.path(key).stat().st_size
        except FileNotFoundError as error:
            raise NotFoundError(f"there is no {key}", where=self.where(key)) from error

    def modified(self, key: str) -> float:
        """Return when a key was written, in seconds by the store's clock; 0 where it does not exist."""
        try:
            return self.path(key).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def now(self) -> float:
        """Return what the file system's clock says now."""
        temporary = self.temporary()
        with storage_errors(temporary):
            try:
                temporary.touch()
                return temporary.stat().st_mtime
            finally:
                temporary.unlink(missing_ok=True)

    def remove(self, key: str) -> None:
        """Remove a file, and the folders that it leaves empty; what does not exist is removed already."""
        path = self.path(key)
        with storage_errors(path):
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.root or not _removed_empty(folder):
                return

    def create(self, key: str, data: bytes) -> bool:
        """Create `key` with `data` unless it exists; return whether this call created it.

        The bytes are flushed to disk under a temporary name before link(2) makes them visible.
        """
        return self._create(key, lambda temporary: _write_flushed(temporary, data))

    def create_from(self, key: str, source: Path) -> bool:
        """Create `key` from a finished local file, which is left where it is; return whether this call created it."""
        return self._create(key, lambda temporary: _link_or_copy(source, temporary))

    def create_folder(self, key: str, source: Path) -> None:
        """Create the files of a finished local folder, all by one rename(2), which fails where one with files is."""
        if not self._create_whole(self.path(key), source):
            super().create_folder(key, source)

    def _create_whole(self, final: Path, source: Path) -> bool:
        with storage_errors(final):
            _make_folder(final.parent)
            temporary = self.temporary()
            try:
                temporary.mkdir()
                for path in source.iterdir():
                    _link_or_copy(path, temporary / path.name)
                flush(temporary)
                return _renamed(temporary, final)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

    def _create(self, key: str, fill: Callable[[Path], None]) -> bool:
        final = self.path(key)
        with storage_errors(final):
            _make_folder(final.parent)
            if final.exists():
                return False
            temporary = self.temporary()
            try:
                fill(temporary)
                return _publish(temporary, final)
            finally:
                temporary.unlink(missing_ok=True)

    def replace(self, key: str, data: bytes) -> None:
        """Write a derived file anew: beside, then renamed over the old one."""
        final = self.path(key)
        with storage_errors(final):
            _make_folder(final.parent)
            temporary = self.temporary()
            try:
                _write_flushed(temporary, data)
                temporary.replace(final)
            finally:
                temporary.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder, and flush each that is new with the one it stands in.

    Else a power cut may leave a ref, flushed, that names a release whose folder was not.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in dict.fromkeys(path for new in missing for path in (new, new.parent)):
        flush(made)


def _removed_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # something is in it, or it is gone
        return False
    return True


def _write_flushed(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _link_or_copy(source: Path, temporary: Path) -> None:
    try:
        os.link(source, temporary)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copyfile(source, temporary)
    flush(temporary)


def _renamed(temporary: Path, final: Path) -> bool:
    try:
        temporary.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    flush(final.parent)
    return True


def _publish(temporary: Path, final: Path) -> bool:
    try:
        os.link(temporary, final)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise StorageError(
            f"this file system has no hard links: {os.strerror(error.errno)}",
            expected="one on which a name is given to a file only if it is free, by link(2)",
            where=str(final),
            remedy="put the store on a file system that has them, or into an object store (s3://bucket/prefix)",
        ) from error
    flush(final.parent)
    return True


def _is_remnant(entry: Path) -> bool:
    is_folder = entry.name == TEMPORARY_FOLDER and entry.is_dir()
    return is_folder and all(file.is_file() and file.suffix == TEMPORARY_SUFFIX for file in entry.iterdir())
