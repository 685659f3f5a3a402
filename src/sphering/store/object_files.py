"""A store in an object store: created by conditional put, read through a mirror on this machine."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sphering.errors import NotFoundError
from sphering.store.bucket import Bucket, Found
from sphering.store.files import Files, key_parts
from sphering.store.mirror import Mirror, cache_folder
from sphering.store.temporaries import TEMPORARY_FOLDER

_WRITER = "writer"


class ObjectFiles(Files):
    """Objects under one prefix of a bucket.

    Parameters
    ----------
    bucket : Bucket
        The prefix, as a client reaches it.
    cache : Path
        The folder on this machine of workspaces, the catalog and the mirror.
    single_writer : bool
        Look whether an object exists and then put it: for stores that cannot do both at once, written by one process.
    """

    def __init__(self, bucket: Bucket, cache: Path, *, single_writer: bool = False) -> None:
        self._bucket = bucket
        self._cache = cache
        self._mirror = Mirror(bucket, cache / "mirror")
        self._single_writer = single_writer

    @classmethod
    def at(cls, url: str) -> ObjectFiles:
        """Return the files under a URL, with the cache of this user.

        Raises
        ------
        InputError
            If it is no ``s3://bucket/prefix``.
        ExtraMissingError
            If the client is not installed.
        """
        bucket = Bucket.at(url)
        return cls(bucket, cache_folder(bucket))

    def as_single_writer(self) -> ObjectFiles:
        """Return the same files, written by one process alone."""
        return ObjectFiles(self._bucket, self._cache, single_writer=True)

    def where(self, key: str = "") -> str:
        """Return how messages name a key: its URL."""
        return self._bucket.where(key)

    def named(self, words: str) -> str:
        """Return words that name an object's URL where they named its mirrored file."""
        return words.replace(str(self._mirror.root), self.where())

    def path(self, key: str) -> Path:
        """Return the mirrored file of a key, fetched where it is not there or another; absent if the object is."""
        self._check(key)
        return self._mirror.path(key, self._bucket.head(key))

    def folder(self, key: str) -> Path:
        """Return the mirrored folder of a key, with everything below it and nothing else."""
        self._check(key)
        return self._mirror.folder(key, self._bucket.below(key))

    def working(self, key: str = "") -> Path:
        """Return a path in this user's cache folder."""
        self._check(key)
        return self._cache / key

    @contextmanager
    def fresh(self) -> Iterator[Files]:
        """Return the same store for a while, through a mirror that begins empty and is removed."""
        with tempfile.TemporaryDirectory(prefix="sphering-fresh-") as folder:
            yield ObjectFiles(self._bucket, Path(folder), single_writer=self._single_writer)

    def is_taken(self) -> bool:
        """Return whether anything is there but what a first run leaves that is killed before it began."""
        return any(name != TEMPORARY_FOLDER for name in self.children(""))

    def exists(self, key: str) -> bool:
        """Return whether the object store has the key now."""
        self._check(key)
        return self._bucket.head(key) is not None

    def read(self, key: str) -> bytes:
        """Return the bytes of a key, as the object store has them now."""
        self._check(key)
        data = self._bucket.get(key)
        if data is None:
            raise NotFoundError(f"there is no {key}", where=self.where(key))
        return data

    def children(self, key: str) -> list[str]:
        """Return the names directly under a folder, sorted."""
        self._check(key)
        return self._bucket.names(key)

    def walk(self, key: str) -> list[str]:
        """Return the keys of all files below a folder, sorted."""
        self._check(key)
        return sorted(found.key for found in self._bucket.below(key))

    def size(self, key: str) -> int:
        """Return the bytes of a key."""
        return self._found(key).size

    def modified(self, key: str) -> float:
        """Return when a key was written, in seconds by the store's clock; 0 where it does not exist."""
        self._check(key)
        found = self._bucket.head(key)
        return found.modified if found else 0.0

    def now(self) -> float:
        """Return what the object store's clock says now, to the second: the Date of its answer."""
        return self._bucket.now()

    def remove(self, key: str) -> None:
        """Remove an object, and its mirrored file; what does not exist is removed already."""
        self._check(key)
        self._bucket.remove(key)
        self._mirror.forget(key)

    def create(self, key: str, data: bytes) -> bool:
        """Put an object unless it exists; return whether this call did."""
        return self._created(key, data)

    def create_from(self, key: str, source: Path) -> bool:
        """Put an object from a finished local file unless it exists; return whether this call did."""
        return self._created(key, source)

    def replace(self, key: str, data: bytes) -> None:
        """Put an object, whatever is there."""
        self._check(key)
        self._bucket.put(key, data)

    def _created(self, key: str, content: bytes | Path) -> bool:
        self._check(key)
        if self._single_writer:
            if self._bucket.head(key) is not None:
                return False
            self._bucket.put(key, content)
            return True
        # A put whose answer is lost is sent again and finds its own object: the mark tells it from another's.
        mark = {_WRITER: secrets.token_hex(8)}
        if self._bucket.put_absent(key, content, mark):
            return True
        found = self._bucket.head(key)
        return found is not None and found.marks.get(_WRITER) == mark[_WRITER]

    def _found(self, key: str) -> Found:
        self._check(key)
        found = self._bucket.head(key)
        if found is None:
            raise NotFoundError(f"there is no {key}", where=self.where(key))
        return found

    def _check(self, key: str) -> None:
        key_parts(key, self.where())
