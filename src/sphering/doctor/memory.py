"""Whether `[run] memory` fits into what this process may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sphering.cores import available_memory
from sphering.doctor.finding import Finding

if TYPE_CHECKING:
    from sphering.config.model import Config

_MODEL_AND_LIBRARIES = 1 << 30
"""What a run takes beside DuckDB: libraries, a small model and a unit of work (under 2 GiB in all for the examples)."""
_UNITS = {"MB": 10**6, "GB": 10**9}


def check(config: Config) -> Iterator[Finding]:
    """Compare the memory that a run gives to DuckDB with that of the machine and of the control group."""
    asked, available = in_bytes(config.run.memory), available_memory()
    found = f"run.memory = {config.run.memory}, {available / (1 << 30):.1f} GiB for this process"
    if asked >= available:
        yield Finding("memory", "fails", found, _mend(available))
    elif asked + _MODEL_AND_LIBRARIES > available:
        yield Finding("memory", "warns", f"{found}: little is left for the model", _mend(available))
    else:
        yield Finding("memory", "ok", found)


def in_bytes(text: str) -> int:
    """Return a size such as `512MB` in bytes; DuckDB's units are decimal."""
    return int(float(text[:-2]) * _UNITS[text[-2:]])


def _mend(available: int) -> str:
    return (
        f'leave `[run] memory` out, or set it to "{available // 4 // 10**6}MB"; or give the process more (MemoryMax=)'
    )
