"""Whether the store can be written, and whether its disk has room."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sphering.doctor.finding import Finding
from sphering.errors import SpheringError

if TYPE_CHECKING:
    from sphering.config.model import Config

_ENOUGH = 2 << 30
_TOO_LITTLE = 200 << 20


def check(config: Config) -> Iterator[Finding]:
    """Write and link a file where the store is or would be, and count the free bytes."""
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


def _writable(root: Path, folder: Path) -> Finding:
    try:
        if (root / "store.json").exists():
            from sphering.store.store import Store

            Store.open(root)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".sphering-doctor-", suffix=".tmp") as scratch:
            file = Path(scratch) / "file"
            file.write_bytes(b"x")
            os.link(file, file.with_name("link"))
    except SpheringError as error:
        return Finding("store", "fails", error.found, error.remedy or "")
    except OSError as error:
        return Finding(
            "store",
            "fails",
            f"{folder}: {error.strerror or error}",
            "let this user write there, on a file system with hard links; or set `store` to another folder",
        )
    return Finding("store", "ok", f"{root} {'is' if root.exists() else 'would be'} writable")


def space(check: str, folder: Path) -> Finding:
    """Return whether a folder's disk has room for a run."""
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):.1f} GiB free at {folder}"
    if free < _TOO_LITTLE:
        return Finding(check, "fails", found, "free some space: a store grows by what is new, each export by all")
    if free < _ENOUGH:
        return Finding(check, "warns", found, "free some space soon: a store grows by what is new, each export by all")
    return Finding(check, "ok", found)
