"""Whether the store can be written, and whether its disk has room."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sphering.config.paths import is_remote
from sphering.doctor.finding import Finding
from sphering.errors import SpheringError
from sphering.store.mirror import cache_root
from sphering.store.opening import KEY, creates_if_absent, open_files
from sphering.store.store import Store

if TYPE_CHECKING:
    from sphering.config.model import Config

_ENOUGH = 2 << 30
_TOO_LITTLE = 200 << 20


def check(config: Config) -> Iterator[Finding]:
    """Write where the store is or would be, and count the free bytes."""
    if is_remote(config.store):
        yield _answers(config.store)
        yield space("cache disk", _nearest(cache_root()))
        return
    root = Path(config.store)
    folder = _nearest(root)
    yield _writable(root, folder)
    yield space("disk", folder)
    temporary = Path(tempfile.gettempdir())
    if temporary.stat().st_dev != folder.stat().st_dev:
        yield space("temporary disk", temporary)


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _answers(url: str) -> Finding:
    """Return whether an object store can be written, creates if absent, and holds a store that can be opened."""
    try:
        files = open_files(url)
        if files.exists(KEY):
            Store.open(url)
        elif not creates_if_absent(files):
            mend = "choose another; or, where one process alone ever writes to it, set `single_writer = true`"
            return Finding("store", "fails", f"{url} does not create if absent", mend)
    except SpheringError as error:
        return Finding("store", "fails", error.found, error.remedy or "")
    return Finding("store", "ok", f"{url} answers, and {'is' if files.exists(KEY) else 'would be'} writable")


def _writable(root: Path, folder: Path) -> Finding:
    try:
        if (root / "store.json").exists():
            Store.open(root)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".sphering-doctor-", suffix=".tmp") as scratch:
            file = Path(scratch) / "file"
            file.write_bytes(b"x")
            linked = _links(file)
    except SpheringError as error:
        return Finding("store", "fails", error.found, error.remedy or "")
    except OSError as error:
        return Finding(
            "store",
            "fails",
            f"{folder}: {error.strerror or error}",
            "let this user write there; or set `store` to another folder",
        )
    if not linked:
        mend = "set `store` to a folder of a file system with hard links, such as ext4, xfs or NFS; or to s3://…"
        return Finding("store", "fails", f"{folder} has no hard links, by which files are created if absent", mend)
    return Finding("store", "ok", f"{root} {'is' if root.exists() else 'would be'} writable")


def _links(file: Path) -> bool:
    """Return whether a second name can be given to a file; some file systems, such as FAT, have no such thing."""
    try:
        os.link(file, file.with_name("link"))
    except OSError:
        return False
    return True


def space(check: str, folder: Path) -> Finding:
    """Return whether a folder's disk has room for a run."""
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < _TOO_LITTLE:
        return Finding(check, "fails", found, "free some space: a store grows by what is new, each export by all")
    if free < _ENOUGH:
        return Finding(check, "warns", found, "free some space soon: a store grows by what is new, each export by all")
    return Finding(check, "ok", found)
