"""The rows that could not become documents, of the source's fault or the encoder's, as one file of the run."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.identity import sha256_file
from sphering.run.embed import REFUSED
from sphering.run.ingest import STAGE
from sphering.run.workspace import Workspace
from sphering.store.shard import HASH

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("doc_id", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("excerpt", pa.string()),
        ("text_hash", HASH),
        ("encoder", pa.string()),
    ]
)


def write_quarantine(workspace: Workspace) -> int:
    """Create the run's quarantine.parquet where a row was quarantined; return how many were."""
    table = _collect(workspace)
    if table.num_rows:
        local = workspace.path / "quarantine.parquet"
        pq.write_table(table, local, compression="zstd")
        workspace.corpus.files.create_from(workspace.corpus.layout.quarantine(workspace.run), local)
    return int(table.num_rows)


def quarantine_sha256(workspace: Workspace) -> str | None:
    """Return the SHA-256 of the run's quarantine.parquet, or None where no row was quarantined."""
    path = workspace.corpus.files.path(workspace.corpus.layout.quarantine(workspace.run))
    return sha256_file(path) if path.is_file() else None


def _collect(workspace: Workspace) -> pa.Table:
    parts = []
    staged = workspace.path / STAGE / "quarantine.parquet"
    if staged.is_file():
        parts.append(pq.read_table(staged).select(SCHEMA.names).cast(SCHEMA))
    before = workspace.path / "refused-before.parquet"
    refused = sorted((workspace.path / "refused").glob("*.parquet"))
    for path in [before, *refused] if before.is_file() else refused:
        parts.append(_refused(pq.read_table(path), workspace.begun["encoder"]))
    table = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    if workspace.config.source.keep_text:
        return table
    place = SCHEMA.names.index("excerpt")
    return table.set_column(place, SCHEMA[place], pa.nulls(table.num_rows, pa.string()))


def _refused(table: pa.Table, encoder: str) -> pa.Table:
    rows = table.num_rows
    columns = {
        "file": pa.nulls(rows, pa.string()),
        "row": pa.nulls(rows, pa.int64()),
        "doc_id": table["doc_id"],
        "reason": pa.array([REFUSED] * rows, pa.string()),
        "detail": pa.array(["the encoder gave a non-finite or zero vector"] * rows, pa.string()),
        "excerpt": table["excerpt"],
        "text_hash": table["text_hash"].cast(HASH),
        "encoder": pa.array([encoder] * rows, pa.string()),
    }
    return pa.table(columns, schema=SCHEMA)
