"""DuckDB as a run uses it: bounded memory, spilling into the workspace."""

from __future__ import annotations

from typing import Any

from sphering.run.workspace import Workspace
from sphering.store.database import Bounds
from sphering.store.snapshot import Snapshot


def connect(workspace: Workspace) -> Any:
    """Return an in-memory DuckDB connection under `[run] memory`, which spills to the workspace beyond it."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{workspace.config.run.memory}'")
    connection.execute("SET temp_directory = $folder", {"folder": str(workspace.folder("spill"))})
    connection.execute("SET preserve_insertion_order = false")
    return connection


def tonights_snapshot(workspace: Workspace) -> Snapshot:
    """Return a reader of the run's snapshot, whose queries are bounded as the run's are."""
    snapshot = workspace.corpus.snapshot(workspace.read("snapshot")["snapshot"])
    return snapshot.within(Bounds(workspace.config.run.memory, workspace.folder("spill")))
