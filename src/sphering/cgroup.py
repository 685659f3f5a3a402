"""What the control group of this process allows it: cores and bytes, under version 1, version 2 and both at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", int, float)
_MOUNT = "sys/fs/cgroup"
_UNLIMITED = 1 << 60
"""Version 1 writes no limit as the largest multiple of a page, just under 2⁶³."""


def cores(root: Path = Path("/")) -> float | None:
    """Return the cores that the tightest quota from this process' group upwards allows; None where there is none."""
    quotas = [*_limits(root, "cpu", _version_1_cores), *_limits(root, "", _version_2_cores)]
    return min(quotas, default=None)


def memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that the tightest limit from this process' group upwards allows; None where there is none."""
    limits = [*_limits(root, "memory", _version_1_bytes), *_limits(root, "", _version_2_bytes)]
    return min(limits, default=None)


def _limits(root: Path, controller: str, read: Callable[[Path], T | None]) -> Iterator[T]:
    """Yield the limits of a group and of all above it; a container may see its own group as the topmost one."""
    for mount, group in _groups(root, controller):
        inside: Path = mount / group
        for folder in (inside, *inside.parents):
            found = read(folder)
            if found is not None:
                yield found
            if folder == mount:
                break


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, str]]:
    """Yield where a controller of version 1, or version 2 (the empty name), is mounted, and this process' group."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        names, _, group = line.partition(":")[2].partition(":")
        seen = ".." not in group.split("/")  # else a group outside of what this namespace sees
        if controller in names.split(","):
            for mount in dict.fromkeys((names, controller) if controller else ("", "unified")):
                yield root / _MOUNT / mount, group.strip("/") if seen else ""


def _version_2_cores(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _version_1_cores(folder: Path) -> float | None:
    quota, period = (_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _version_2_bytes(folder: Path) -> int | None:
    return _bytes(folder / "memory.max")


def _version_1_bytes(folder: Path) -> int | None:
    return _bytes(folder / "memory.limit_in_bytes")


def _bytes(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
