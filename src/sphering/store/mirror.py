"""Objects as files of this machine: fetched once, and again only where the object is another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from sphering.identity import short_id
from sphering.store.bucket import Bucket, Found
from sphering.store.files import key_parts, storage_errors
from sphering.store.temporaries import new_temporary

_SECOND = 10**9


def cache_folder(bucket: Bucket) -> Path:
    """Return this user's folder for a store: one for each URL of each endpoint."""
    return cache_root() / short_id({"url": bucket.where(), "endpoint": bucket.endpoint})


def cache_root() -> Path:
    """Return this user's folder for what is kept on this machine of object stores."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "sphering" / "stores"


class Mirror:
    """Files under one folder that hold the bytes of objects.

    The object store is asked each time what it has: what is gone from it is never read from here.
    """

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self._bucket = bucket
        self.root = root

    def path(self, key: str, found: Found | None) -> Path:
        """Return the file of a key after it was brought to what the object store was found to have."""
        path = self._place(key)
        if found is None:
            self.forget(key)
        elif not _is_of(path, found):
            self._fetch(found, path)
        return path

    def folder(self, key: str, found: Sequence[Found]) -> Path:
        """Return the folder of a key after all of it was brought to what the object store was found to have."""
        folder = self._place(key)
        wanted = {self.path(one.key, one) for one in found}
        for path in folder.rglob("*"):
            if path.is_file() and path not in wanted:
                path.unlink(missing_ok=True)
        return folder

    def forget(self, key: str) -> None:
        """Remove the file of a key that the object store no longer has."""
        path = self._place(key)
        if path.is_file():
            path.unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        """Return the path of a key; an object store lists objects of any name, such as one that leads out of here."""
        return self.root.joinpath(*key_parts(key, self._bucket.where()))

    def _fetch(self, found: Found, path: Path) -> None:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = new_temporary(self.root.parent)
            try:
                self._bucket.fetch(found.key, temporary)
                os.utime(temporary, ns=(_mark(found), _mark(found)))
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def _is_of(path: Path, found: Found) -> bool:
    """Return whether a file holds the bytes of an object, by size and time."""
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return state.st_size == found.size and state.st_mtime_ns == _mark(found)


def _mark(found: Found) -> int:
    """Return a time that belongs to one version of an object: its second, and a fraction made of its ETag.

    Renamed with the bytes it stands for, it can never belong to others, as a file beside them could.
    """
    fraction = int.from_bytes(hashlib.sha256(found.etag.encode()).digest()[:8], "big") % _SECOND
    return int(found.modified) * _SECOND + fraction
