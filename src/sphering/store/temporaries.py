"""Files and folders that are being written: named by machine and process, so that those of the dead are known."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
from pathlib import Path

from sphering.store.processes import is_alive

TEMPORARY_SUFFIX = ".tmp"
TEMPORARY_FOLDER = "temporary"
HOST = "".join(letter if letter.isalnum() else "-" for letter in platform.node()) or "host"
"""This machine, in names of what is being written."""


def new_temporary(root: Path) -> Path:
    """Return a new name in the temporary folder under `root`, which is made where it is absent."""
    folder = root / TEMPORARY_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{HOST}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"


def remove_dead(root: Path) -> int:
    """Remove what is temporary under `root` of processes of this machine that are gone; return how many there were."""
    # With what a library put beside them, such as DuckDB's log.
    found = (root / TEMPORARY_FOLDER).glob(f"{HOST}.*{TEMPORARY_SUFFIX}*")
    dead = [path for path in found if not _is_alive(path)]
    for path in dead:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(dead)


def _is_alive(path: Path) -> bool:
    return is_alive(int(path.name.removeprefix(f"{HOST}.").split(".")[0]))
