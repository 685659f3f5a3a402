"""Whether the runner of [run] is installed, and the cluster that it names answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sphering.doctor.finding import Finding
from sphering.errors import SpheringError
from sphering.run.cluster import check_cluster

if TYPE_CHECKING:
    from sphering.config.model import Config


def check(config: Config) -> Iterator[Finding]:
    """Look for a cluster as a run does before it begins; threads of its own need none."""
    if config.run.runner == "thread":
        return
    try:
        check_cluster(config.run)
    except SpheringError as error:
        yield Finding("runner", "fails", error.found, error.remedy or "")
    else:
        where = "workers of the run's own" if config.run.address is None else "the cluster answers"
        yield Finding("runner", "ok", f"{config.run.runner}: {where}")
