"""The one door to stored bytes, whatever keeps them: create if absent, never replace, show nothing half-written."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sphering.errors import StorageError, TerminalError
from sphering.store.temporaries import new_temporary, remove_dead

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


class Files(ABC):
    """The bytes of a store, addressed by keys: relative paths with forward slashes.

    Every method that takes a key raises a TerminalError if the key would leave the store.
    """

    @abstractmethod
    def where(self, key: str = "") -> str:
        """Return how messages name a key, or the store itself."""

    @abstractmethod
    def named(self, words: str) -> str:
        """Return words in which the paths that `path` gave are replaced by how messages name their keys."""

    @abstractmethod
    def path(self, key: str) -> Path:
        """Return a local path that holds the bytes of a key as they are now; nothing is there if it does not exist."""

    @abstractmethod
    def folder(self, key: str) -> Path:
        """Return a local folder that holds everything below a key as it is now."""

    @abstractmethod
    def working(self, key: str = "") -> Path:
        """Return the path on this machine of what is no part of the store: workspaces, the catalog."""

    @abstractmethod
    def fresh(self) -> AbstractContextManager[Files]:
        """Return the same store, for a while, as who has never read it sees it: no byte comes from a mirror."""

    @abstractmethod
    def is_taken(self) -> bool:
        """Return whether anything is there but what a first run leaves that is killed before it began."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Return whether the key has been created."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """Return the bytes of a key.

        Raises
        ------
        NotFoundError
            If it does not exist.
        """

    @abstractmethod
    def children(self, key: str) -> list[str]:
        """Return the names directly under a folder, sorted."""

    @abstractmethod
    def walk(self, key: str) -> list[str]:
        """Return the keys of all files below a folder, sorted."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Return the bytes of a key.

        Raises
        ------
        NotFoundError
            If it does not exist.
        """

    @abstractmethod
    def modified(self, key: str) -> float:
        """Return when a key was written, in seconds by the store's clock; 0 where it does not exist."""

    @abstractmethod
    def now(self) -> float:
        """Return what the store's clock says now, in seconds: other machines share it."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file, and the folders that it leaves empty; what does not exist is removed already."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Create `key` with `data` unless it exists; return whether this call created it."""

    @abstractmethod
    def create_from(self, key: str, source: Path) -> bool:
        """Create `key` from a finished local file, which is left where it is; return whether this call created it."""

    def create_folder(self, key: str, source: Path) -> None:
        """Create below `key` the files of a finished local folder, each unless it exists.

        A store of files does it at once where there is no such folder: of two that are put there at the same time, one
        is whole. In an object store they may mix.
        """
        for path in sorted(source.iterdir()):
            self.create_from(f"{key}/{path.name}", path)

    @abstractmethod
    def replace(self, key: str, data: bytes) -> None:
        """Write a derived file anew; a reader finds the old bytes or the new ones."""

    def temporary(self) -> Path:
        """Return a new name under which this process may write what is put in place when it is whole."""
        return new_temporary(self.working())

    def remove_dead_temporaries(self) -> int:
        """Remove the temporary files of processes of this machine that are gone; return how many."""
        return remove_dead(self.working())


def key_parts(key: str, where: str) -> list[str]:
    """Return the parts of a key, or of a name below one: both may come out of a file that somebody else wrote.

    Raises
    ------
    TerminalError
        If the key would leave the store.
    """
    parts = key.split("/")
    if key.startswith("/") or ".." in parts or "\0" in key:
        raise TerminalError(f"the key {key!r} leaves the store", expected="a path inside the store", where=where)
    return parts
