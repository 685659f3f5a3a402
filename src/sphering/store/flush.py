"""Files and folders written through to the disk, so that a power cut cannot take them back."""

from __future__ import annotations

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Write a file's bytes, or a folder's names, through to the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def flush_tree(folder: Path) -> None:
    """Write everything below a folder, and the folder, through to the disk."""
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)
