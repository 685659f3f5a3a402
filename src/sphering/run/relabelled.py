"""What `sphering plan` says where metadata alone has most of a corpus written again, night after night."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa

from sphering.run.database import connect
from sphering.run.ingest import register_staged, staged_of, staged_rows
from sphering.run.units import find_parent
from sphering.run.workspace import Workspace
from sphering.source.rows import rows_reader
from sphering.sqltext import load
from sphering.store.snapshot import Snapshot, path_list

_MUCH = 0.5
_SAMPLE = 200


def relabelled_warnings(workspace: Workspace) -> list[str]:
    """Return a warning if more than half of the staged documents are the parent's but for their metadata.

    It names the columns that differ in most of 200 such documents, those with the smallest text hashes.
    """
    parent = find_parent(workspace.corpus, workspace.begun["encoder"])
    if parent is None or not parent.paths:
        return []
    documents = staged_of(workspace).documents
    with connect(workspace) as connection:
        parent.register(connection)
        register_staged(connection, workspace)
        count = int(connection.execute(load("units_relabelled")).fetchall()[0][0])
        if count <= _MUCH * documents:
            return []
        rows = rows_reader(staged_rows(workspace), ["staged_at", "metadata"])
        columns = _columns(connection, parent, rows)
    named = ", ".join(columns) or "several columns together"
    return [
        f"{count:,} of {documents:,} documents would be written again for their metadata alone, mostly {named}: "
        "leave a column that changes every night out of [source] metadata"
    ]


def _columns(connection: Any, parent: Snapshot, rows: pa.RecordBatchReader) -> list[str]:
    """Return the metadata columns that differ in more than half of a sample, the most frequent first."""
    connection.register("staged_rows", rows)
    statement = load("units_relabelled_sample").replace("$paths", path_list(parent.paths))
    pairs = connection.execute(statement, {"size": _SAMPLE}).fetchall()
    found: Counter[str] = Counter()
    for before, now in pairs:
        old, new = json.loads(before), json.loads(now)
        found.update(name for name in {**old, **new} if old.get(name) != new.get(name))
    return [name for name, times in found.most_common() if 2 * times > len(pairs)]
