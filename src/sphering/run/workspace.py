"""A run's workspace: a scratch folder in which each step leaves what the next ones read.

A dead run's workspace is recognised by its lock, which the kernel releases with the process, and is removed by the
next run; nothing in a workspace is part of the store.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sphering.config.model import Config
from sphering.store.corpus import CorpusStore
from sphering.store.files import storage_errors
from sphering.store.store import Store

_LOCK = "lock"
_held: dict[Path, int] = {}


def new_run_id() -> str:
    """Return a run id: UTC time to the second, then four random hex bytes; ids sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Workspace:
    """The scratch folder of one run."""

    path: Path

    @classmethod
    def create(cls, corpus: CorpusStore, run: str) -> Workspace:
        """Create and lock the workspace of a new run, after those of dead runs were removed."""
        scratch = corpus.files.working(corpus.layout.scratch)
        with storage_errors(scratch):
            remove_dead(scratch)
        return cls.locked(scratch / run)

    @classmethod
    def locked(cls, path: Path) -> Workspace:
        """Create and lock a workspace whose name begins with the run's id, alone or before a point."""
        with storage_errors(path):
            _make_locked(path)
        return cls(path)

    @property
    def run(self) -> str:
        """The run's id."""
        return self.path.name.partition(".")[0]

    @cached_property
    def begun(self) -> dict[str, Any]:
        """What the first step settled."""
        return self.read("begin")

    @cached_property
    def config(self) -> Config:
        """The run's configuration."""
        document = self.begun["config"]
        return Config.model_validate({**document, "base": self.begun["base_folder"]})

    @cached_property
    def corpus(self) -> CorpusStore:
        """The corpus in its store."""
        return Store.at(self.config.store).corpus(self.config.corpus)

    def has(self, step: str) -> bool:
        """Return whether a step has left its document."""
        return (self.path / f"{step}.json").is_file()

    def read(self, step: str) -> dict[str, Any]:
        """Return the document that a step left."""
        document: dict[str, Any] = json.loads((self.path / f"{step}.json").read_text(encoding="utf-8"))
        return document

    def write(self, step: str, document: Mapping[str, Any]) -> None:
        """Leave a step's document, in one rename."""
        target = self.path / f"{step}.json"
        temporary = target.with_suffix(f".{os.getpid()}.{secrets.token_hex(2)}.tmp")
        with storage_errors(target):
            temporary.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
            temporary.replace(target)

    def folder(self, name: str) -> Path:
        """Return a folder of the workspace, created where it is absent."""
        folder = self.path / name
        with storage_errors(folder):
            folder.mkdir(exist_ok=True)
        return folder

    def remove(self) -> None:
        """Remove the workspace and release its lock."""
        descriptor = _held.pop(self.path, None)
        shutil.rmtree(self.path, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


P = ParamSpec("P")
T = TypeVar("T")


def timed(step: str) -> Callable[[Callable[Concatenate[Path, P], T]], Callable[Concatenate[Path, P], T]]:
    """Keep how long a step took, in seconds, in its workspace."""

    def wrap(function: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[Path, P], T]:
        @wraps(function)
        def run(path: Path, /, *args: P.args, **kwargs: P.kwargs) -> T:
            started = time.perf_counter()
            result = function(path, *args, **kwargs)
            Workspace(path).write(f"seconds-{step}", {"seconds": round(time.perf_counter() - started, 3)})
            return result

        return run

    return wrap


def _make_locked(path: Path) -> None:
    """Make a workspace and hold its lock.

    Until the lock is held, another run may take the workspace for a dead one and remove it: then it is made again.
    """
    while True:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = _open_lock(path)
        if descriptor is None:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_there(path / _LOCK, descriptor):
            _held[path] = descriptor
            return
        os.close(descriptor)


def _open_lock(path: Path) -> int | None:
    """Open a workspace's lock, made where it is missing; None where the workspace itself is."""
    try:
        return os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def remove_dead(scratch: Path) -> list[str]:
    """Remove the workspaces under `scratch` whose process is gone; return their run ids."""
    found = sorted(scratch.iterdir()) if scratch.is_dir() else []
    return [path.name for path in found if path not in _held and _remove_if_dead(path)]


def _remove_if_dead(path: Path) -> bool:
    """Remove a workspace whose lock nobody holds, holding it meanwhile: a run that is just begun there waits for it."""
    descriptor = _open_lock(path)
    if descriptor is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
