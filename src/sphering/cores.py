"""How many cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_share: int | None = None


def use_cores(cores: int) -> None:
    """Let this process use so many cores at most, where it shares its machine with other workers."""
    global _share
    _share = max(1, cores)


def available_cores() -> int:
    """Return the cores that this process may use: its affinity, capped by the cgroup's quota and by its share."""
    cores = machine_cores()
    return cores if _share is None else min(cores, _share)


def machine_cores() -> int:
    """Return the cores that this machine lets a process use, whatever its share."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def _quota() -> float | None:
    """Return the cgroup's CPU quota in cores: version 2's cpu.max, or version 1's cfs files."""
    unified = _first_line(Path("/sys/fs/cgroup/cpu.max")).split()
    if len(unified) == 2 and unified[0] != "max":
        return int(unified[0]) / int(unified[1])
    quota = _first_line(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
    period = _first_line(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return ""
