"""Which processes of this machine are alive: what names its process in a store is known to be of a dead one."""

from __future__ import annotations

import os
from pathlib import Path


def is_alive(process: int) -> bool:
    """Return whether a process of this machine, of any user, is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def start_of(process: int) -> str | None:
    """Return when a process started, as the system counts it; None where it is gone, `unknown` where none can tell.

    It tells a process from a later one of the same number.
    """
    if not is_alive(process):
        return None
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    return status.rpartition(")")[2].split()[19]
