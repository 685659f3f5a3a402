"""Disk space for a file that a library writes without saying what went wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sphering.store.files import reserve


def take_space(path: Path, size: int) -> None:
    """Take the space of a file that is to be written in whole: hnswlib leaves half a file on a full disk, silently.

    Raises
    ------
    StorageError
        If there is not so much.
    """
    with path.open("wb") as stream:
        stream.truncate(size)
    reserve(path)


def check_written(path: Path, size: int) -> None:
    """Raise OSError, as of a full disk, unless a file has its size."""
    if path.stat().st_size != size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
