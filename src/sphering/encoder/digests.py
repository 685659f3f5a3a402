"""The SHA-256 of a model's files, each read once a process for as long as it stays as it is.

Every unit of a run asks for the encoder's identity, and weights of gigabytes are not to be read again for each.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from sphering.identity import sha256_file

_SETTLED_SECONDS = 2.0
"""A file system's clock ticks in milliseconds to seconds: two changes within one tick look like one."""


def file_digests(files: dict[str, Path]) -> dict[str, str]:
    """Return the SHA-256 (64 hex digits) of each file by its name."""
    # hashlib lets go of the interpreter's lock, so sharded weights are read side by side.
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(files, pool.map(_digest, files.values()), strict=True))


def _digest(path: Path) -> str:
    state = path.stat()
    # The time of the last change of the inode, too: a copy may bring the older time of its content along.
    if time.time() - max(state.st_mtime, state.st_ctime) < _SETTLED_SECONDS:
        return sha256_file(path)
    return _remembered(path, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=4096)
def _remembered(path: Path, *_state: int) -> str:
    return sha256_file(path)
