"""The one door to stored bytes: create if absent, never replace, never show a half-written file."""

from __future__ import annotations

import errno
import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sphering.errors import NotFoundError, StorageError, TerminalError

TEMPORARY_SUFFIX = ".tmp"
TEMPORARY_FOLDER = "temporary"
_HOST = "".join(letter if letter.isalnum() else "-" for letter in platform.node()) or "host"
_REMEDIES = {
    errno.ENOSPC: "free some space on this disk, then run again: what was finished is kept",
    errno.EDQUOT: "raise the quota or free some space, then run again: what was finished is kept",
    errno.EACCES: "give this user the right to write here, or choose another store",
    errno.EPERM: "give this user the right to write here, or choose another store",
    errno.EROFS: "mount the file system writable, or choose another store",
}


@contextmanager
def storage_errors(where: Path | str) -> Iterator[None]:
    """Turn the operating system's refusals into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        raise StorageError(
            f"the store cannot be written: {os.strerror(error.errno)}",
            expected="a folder with space that this user may write to",
            where=str(error.filename or where),
            remedy=_REMEDIES[error.errno],
        ) from error


def reserve(path: Path) -> None:
    """Take the disk space for a file that is to be written through a memory map, as large as it is.

    A page of a map that finds no space kills the process (SIGBUS); here it is an error.

    Raises
    ------
    StorageError
        If there is not so much space.
    """
    with storage_errors(path), path.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)


class LocalFiles:
    """Files under one folder, addressed by keys: relative paths with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Return the local path of a key.

        Raises
        ------
        TerminalError
            If the key would leave the store.
        """
        parts = key.split("/")
        if key.startswith("/") or ".." in parts:
            raise TerminalError(
                f"the key {key!r} leaves the store", expected="a path inside the store", where=str(self.root)
            )
        return self.root.joinpath(*parts)

    def exists(self, key: str) -> bool:
        """Return whether the key has been created."""
        return self.path(key).is_file()

    def read(self, key: str) -> bytes:
        """Return the bytes of a key.

        Raises
        ------
        NotFoundError
            If it does not exist.
        """
        path = self.path(key)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"there is no {key}", where=str(self.root)) from error

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
        return self.path(key).stat().st_size

    def modified(self, key: str) -> float:
        """Return when a key was written, in seconds by the store's clock; 0 where it does not exist."""
        try:
            return self.path(key).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def now(self) -> float:
        """Return what the store's clock says now: that of the file system, which other machines share."""
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
        final = self.path(key)
        with storage_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                return False
            temporary = self.temporary()
            try:
                _write_flushed(temporary, data)
                return _publish(temporary, final)
            finally:
                temporary.unlink(missing_ok=True)

    def create_from(self, key: str, source: Path) -> bool:
        """Create `key` from a finished local file, which is left where it is; return whether this call created it."""
        final = self.path(key)
        with storage_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                return False
            temporary = self.temporary()
            try:
                _link_or_copy(source, temporary)
                return _publish(temporary, final)
            finally:
                temporary.unlink(missing_ok=True)

    def remove_dead_temporaries(self) -> int:
        """Remove the temporary files of processes of this machine that are gone; return how many."""
        folder = self.root / TEMPORARY_FOLDER
        # With what a library put beside them, such as DuckDB's log.
        dead = [path for path in folder.glob(f"{_HOST}.*{TEMPORARY_SUFFIX}*") if not _is_alive(path)]
        for path in dead:
            path.unlink(missing_ok=True)
        return len(dead)

    def temporary(self) -> Path:
        """Return a new name under which this process may write what is put in place when it is whole."""
        folder = self.root / TEMPORARY_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{_HOST}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"

    def replace(self, key: str, data: bytes) -> None:
        """Write a derived file anew: beside, then renamed over the old one."""
        final = self.path(key)
        with storage_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.temporary()
            try:
                _write_flushed(temporary, data)
                temporary.replace(final)
            finally:
                temporary.unlink(missing_ok=True)


def _removed_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # something is in it, or it is gone
        return False
    return True


def _is_alive(path: Path) -> bool:
    process = int(path.name.removeprefix(f"{_HOST}.").split(".")[0])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
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
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())


def _publish(temporary: Path, final: Path) -> bool:
    try:
        os.link(temporary, final)
    except FileExistsError:
        return False
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
