"""How many cores and bytes this process may use."""

from __future__ import annotations

import os

from sphering import cgroup

_share: int | None = None


def use_cores(cores: int) -> None:
    """Let this process use so many cores at most, where it shares its machine with other workers."""
    global _share
    _share = max(1, cores)


def available_cores() -> int:
    """Return the cores that this process may use: its affinity, capped by its control group's quota and by its share."""
    cores = machine_cores()
    return cores if _share is None else min(cores, _share)


def machine_cores() -> int:
    """Return the cores that this machine lets a process use, whatever its share."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup.cores()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def available_memory() -> int:
    """Return the bytes that this process may use: the machine's, capped by its control group's limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = cgroup.memory()
    return machine if limit is None else min(machine, limit)
