"""How many cores and bytes this process may use."""

from __future__ import annotations

import os

from sphering import cgroup

_BESIDE = 2 << 30
"""Bytes under which a second unit of work does not fit beside the model and the libraries."""
_ENOUGH = 10**9
_share: int | None = None


def use_cores(cores: int) -> None:
    """Let this process use so many cores at most, where it shares its machine with other workers."""
    global _share
    _share = max(1, cores)


def available_cores() -> int:
    """Return the cores that this process may use: its affinity, capped by its control group's quota and its share."""
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


def sensible_workers() -> int:
    """Return how many units of work this process can have under way: one is encoded while another is read or written.

    More than two wait for one another: each is encoded on every core.
    """
    return 2 if available_memory() >= _BESIDE else 1


def sensible_memory() -> str:
    """Return how much of what this process may use DuckDB may take: a quarter, at most 1 GB, in whole decimal MB."""
    quarter = available_memory() // 4
    return "1GB" if quarter >= _ENOUGH else f"{max(1, quarter // 10**6)}MB"
