"""A cluster as a run has it: Dask's or Ray's."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cluster:
    """What a run does with a cluster while it has it.

    Parameters
    ----------
    runner : prefect.task_runners.TaskRunner
        Takes the units.
    cores : mapping of str to int
        The share of a worker in the cores of its machine, by the machine's name.
    workers : sequence of callable
        For each worker a context in which what is submitted goes to that worker, as long as it lives.
    """

    runner: Any
    cores: Mapping[str, int]
    workers: Sequence[Callable[[], AbstractContextManager[Any]]]
