"""Whether more threads than cores would work at once, or fewer than could."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sphering.cores import available_cores
from sphering.doctor.finding import Finding

if TYPE_CHECKING:
    from sphering.config.model import Config

_AHEAD = 2
"""While one unit is encoded, on one core too, another is read or written."""
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def check(config: Config | None) -> Iterator[Finding]:
    """Compare the threads and the workers that are asked for with the cores that this process may use."""
    cores = available_cores()
    workers, sensible = config.run.workers if config else 1, max(cores, _AHEAD)
    asked = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name, "").isdigit()}
    too_many = [name for name, value in asked.items() if int(value) > cores]
    if too_many:
        words = ", ".join(f"{name}={asked[name]}" for name in too_many)
        yield Finding("threads", "warns", f"{words} on {cores} cores", f"unset {' '.join(too_many)}")
    elif workers > sensible:
        yield Finding(
            "threads", "warns", f"run.workers = {workers} on {cores} cores", f"set run.workers to {sensible} or less"
        )
    else:
        yield Finding("threads", "ok", f"{cores} cores, {workers} worker{'s' if workers > 1 else ''}")
