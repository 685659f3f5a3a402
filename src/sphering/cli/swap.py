"""A folder made beside its place and put there whole, by rename."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from sphering.store.files import storage_errors


def swap_in(folder: Path, fill: Callable[[Path], None]) -> None:
    """Put a new folder in the place of `folder`, after `fill` has filled it.

    Readers find the old content or the new one, never a mixture; between two renames they find none for an instant.
    When anything fails, the old folder is as it was.
    """
    mark = f"{os.getpid()}.{secrets.token_hex(4)}.tmp"
    new, old = (folder.with_name(f".{folder.name}.{name}.{mark}") for name in ("new", "old"))
    with storage_errors(folder):
        try:
            new.mkdir(parents=True)
            fill(new)
            _exchange(folder, new, old)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(folder: Path, new: Path, old: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
