"""Units worked by processes that are not the run's own: on this machine or on others."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sphering import __version__
from sphering.cores import use_cores
from sphering.errors import ClusterError, ConfigError, SpheringError
from sphering.run.embed import embed_unit, opened_encoder
from sphering.run.parcel import Parcel
from sphering.run.workspace import Workspace

T = TypeVar("T")
_FIRST = 0


@dataclass(frozen=True)
class Software:
    """What must be the same in every process that works for a run."""

    sphering: str
    python: str
    pyarrow: str
    numpy: str

    @classmethod
    def here(cls) -> Software:
        """Return that of this process."""
        import numpy
        import pyarrow

        python = ".".join(map(str, sys.version_info[:2]))
        return cls(__version__, python, pyarrow.__version__, numpy.__version__)

    def differences(self, other: Software) -> str:
        """Return what another has instead, in words; empty where they are equal."""
        names = [name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(other, name)]
        return ", ".join(f"{name} {getattr(other, name)} instead of {getattr(self, name)}" for name in names)


@dataclass(frozen=True)
class Site:
    """What a worker needs to know of a run.

    Parameters
    ----------
    workspace : Path
        The run's workspace, which workers see where the store is a folder that they share.
    parcel : Parcel or None
        Where the units lie in an object store; None where workers see the workspace.
    software : Software
        The run's own.
    cores : mapping of str to int
        The share of a worker in the cores of its machine, by the machine's name; the least for one not named.
    """

    workspace: Path
    parcel: Parcel | None
    software: Software
    cores: Mapping[str, int]


def machine() -> str:
    """Return the name of this machine."""
    return platform.node()


def here() -> str:
    """Return the name of this worker: its machine and process."""
    return f"{machine()} (process {os.getpid()})"


def introduced() -> tuple[str, Software]:
    """Return the name and the software of this worker."""
    return here(), Software.here()


def require_same_software(own: Software, found: Mapping[str, tuple[str, Software] | BaseException]) -> None:
    """Refuse workers of other software, by name.

    Parameters
    ----------
    own : Software
        That of the run.
    found : mapping
        What each worker says of itself, or the error that came instead, by what the cluster calls it.

    Raises
    ------
    ClusterError
        If one has other software, or such that it cannot say.
    """
    unlike = [words for name, answer in found.items() if (words := _unlike(own, name, answer))]
    if unlike:
        raise ClusterError(
            "; ".join(unlike),
            expected="the same software on every worker as where the run began",
            remedy="install the same versions there: pip install -c constraints.txt sphering",
        )


def _unlike(own: Software, name: str, answer: tuple[str, Software] | BaseException) -> str:
    if isinstance(answer, BaseException):
        last = (str(answer).strip() or type(answer).__name__).splitlines()[-1]  # Ray's has the whole traceback
        return f"the worker {name} cannot say what software it has: {last}"
    worker, software = answer
    differences = own.differences(software)
    return f"the worker {worker} has {differences}" if differences else ""


def load_at(site: Site) -> int:
    """Open this worker's encoder and check it against its probe; return its dimension."""
    return _at(site, _FIRST, lambda workspace: opened_encoder(workspace).dimension)


def embed_at(site: Site, unit: int) -> None:
    """Work one unit in this process; see `embed_unit`. The encoder stays open for the next one."""
    _at(site, unit, lambda workspace: embed_unit(workspace.path, unit))


def check_worker(site: Site) -> None:
    """Refuse to work where the software is another, or the workspace is not to be seen; take this worker's cores.

    Raises
    ------
    ClusterError, ConfigError
        With this worker's name.
    """
    require_same_software(site.software, {here(): introduced()})
    if site.parcel is None and not site.workspace.is_dir():
        raise ConfigError(
            f"the worker {here()} does not see the store",
            expected="the store's folder at the same path on every machine",
            where=str(site.workspace),
            remedy="share the folder with that machine, or give `store` the URL of an object store",
        )
    use_cores(site.cores.get(machine(), min(site.cores.values())))


def _at(site: Site, unit: int, work: Callable[[Workspace], T]) -> T:
    check_worker(site)
    try:
        if site.parcel is None:
            return work(Workspace(site.workspace))
        with site.parcel.opened(unit) as workspace:
            result = work(workspace)
            site.parcel.give_back(workspace, unit)
            return result
    except SpheringError as error:
        words = f"the worker {here()}: {error.found}"
        raise type(error)(words, expected=error.expected, where=error.where, remedy=error.remedy) from error
