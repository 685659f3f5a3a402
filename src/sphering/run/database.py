"""DuckDB as a run uses it: bounded memory, spilling into the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sphering.run.workspace import Workspace
from sphering.store.database import Bounds, bounded_connection
from sphering.store.exhausted import exhaustion_errors
from sphering.store.snapshot import Snapshot


@contextmanager
def connect(workspace: Workspace) -> Iterator[Any]:
    """Open an in-memory DuckDB connection under `[run] memory`, which spills to the workspace beyond it.

    Raises
    ------
    StorageError
        If DuckDB runs out of memory or of disk.
    """
    memory, spill = workspace.config.run.memory, workspace.folder("spill")
    with exhaustion_errors(spill, memory), bounded_connection(Bounds(memory, spill)) as connection:
        connection.execute("SET preserve_insertion_order = false")
        yield connection


def tonights_snapshot(workspace: Workspace) -> Snapshot:
    """Return a reader of the run's snapshot, whose queries are bounded as the run's are."""
    snapshot = workspace.corpus.snapshot(workspace.read("snapshot")["snapshot"])
    return snapshot.within(Bounds(workspace.config.run.memory, workspace.folder("spill")))
