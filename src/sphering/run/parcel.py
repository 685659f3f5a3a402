"""What of a workspace travels through an object store to workers elsewhere, and what comes back.

A store in a folder needs none of it: there the workspace itself lies in the store, where every worker sees it. What
travels lies under the corpus' scratch folder until the run ends; the run that takes the lease next removes what a
killed one left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sphering.config.paths import is_remote
from sphering.errors import NotFoundError
from sphering.run.probe import keep_larger
from sphering.run.units import UNITS, unit_path
from sphering.run.workspace import Workspace
from sphering.store.corpus import CorpusStore
from sphering.store.store import Store

_BEGIN = "begin.json"
_PARCEL = "parcel"
_CHECKS = ("probe", "parity")
_AT_ONCE = 4  # a unit has up to 64 MB


@dataclass(frozen=True)
class Parcel:
    """Where a run's units lie in an object store.

    Parameters
    ----------
    store, corpus, run : str
        The store's URL, the corpus' name, the run's id.
    """

    store: str
    corpus: str
    run: str

    @classmethod
    def sent(cls, workspace: Workspace, units: int) -> Parcel | None:
        """Put what the workers of a run need into its store, and return where; None where they see the workspace."""
        config = workspace.config
        if not is_remote(config.store):
            return None
        parcel = cls(config.store, config.corpus, workspace.run)
        workspace.write(_PARCEL, {"run": workspace.run})
        parcel._put(_BEGIN, workspace.path / _BEGIN)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            paths = [unit_path(workspace, unit) for unit in range(units)]
            list(pool.map(lambda path: parcel._put(f"{UNITS}/{path.name}", path), paths))
        return parcel

    @contextmanager
    def opened(self, unit: int) -> Iterator[Workspace]:
        """Enter a workspace of this process' own with one unit, which is removed after it."""
        scratch = self._corpus.files.working(self._corpus.layout.scratch)
        workspace = Workspace.locked(scratch / f"{self.run}.{unit:06d}.{os.getpid()}")
        try:
            self._get(_BEGIN, workspace.path / _BEGIN)
            self._get(f"{UNITS}/{unit:06d}.parquet", workspace.folder(UNITS) / f"{unit:06d}.parquet")
            yield workspace
        finally:
            workspace.remove()

    def give_back(self, workspace: Workspace, unit: int) -> None:
        """Put what came of a unit beside the store's other files; its document last, which says that all is there."""
        for name in (*(f"{check}.json" for check in _CHECKS), *self._results(unit)):
            path = workspace.path / name
            if path.is_file():
                self._put(f"results/{unit:06d}/{name}", path)

    def take_back(self, workspace: Workspace, unit: int) -> None:
        """Copy what came of a unit into the run's own workspace.

        Raises
        ------
        NotFoundError
            If nothing came of it.
        """
        refused, document = self._results(unit)
        workspace.folder(Path(refused).parent.name)
        for name in (refused, document):
            self._get(f"results/{unit:06d}/{name}", workspace.path / name)
        for check in _CHECKS:
            self._take_check(workspace, unit, check)

    def _take_check(self, workspace: Workspace, unit: int, check: str) -> None:
        path = workspace.path / f"{check}-{unit:06d}.json"
        try:
            self._get(f"results/{unit:06d}/{check}.json", path)
        except NotFoundError:  # another unit of the same process has it
            return
        found = workspace.read(path.stem)
        path.unlink()
        if check == "probe":
            keep_larger(workspace, found)
        elif not workspace.has(check):
            workspace.write(check, found)

    def remove(self) -> None:
        """Remove all of it."""
        _remove(self._corpus, self.run)

    @property
    def _corpus(self) -> CorpusStore:
        return Store.at(self.store).corpus(self.corpus)

    def _results(self, unit: int) -> tuple[str, str]:
        return f"refused/{unit:06d}.parquet", f"unit-{unit:06d}.json"

    def _key(self, name: str) -> str:
        return f"{self._corpus.layout.scratch}/{self.run}/{name}"

    def _put(self, name: str, path: Path) -> None:
        self._corpus.files.create(self._key(name), path.read_bytes())

    def _get(self, name: str, path: Path) -> None:
        path.write_bytes(self._corpus.files.read(self._key(name)))


def remove_sent(workspace: Workspace) -> None:
    """Remove what a run has sent, if it has."""
    if workspace.has(_PARCEL):
        _remove(workspace.corpus, workspace.run)


def remove_dead_parcels(corpus: CorpusStore) -> None:
    """Remove what runs that ended without a word have sent; for the holder of the corpus' lease alone."""
    if is_remote(corpus.files.where()):
        for run in corpus.files.children(corpus.layout.scratch):
            _remove(corpus, run)


def _remove(corpus: CorpusStore, run: str) -> None:
    for key in corpus.files.walk(f"{corpus.layout.scratch}/{run}"):
        corpus.files.remove(key)
