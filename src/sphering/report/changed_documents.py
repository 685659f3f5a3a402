"""Which documents differ between two snapshots: one comparison of ids and hashes, whatever encoders they have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.report.catalogue import CHANGES
from sphering.sqltext import load
from sphering.store.database import bounded_connection
from sphering.store.snapshot import Snapshot

IDS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("change", pa.string(), nullable=False),
        pa.field("moved_from", pa.string()),
    ]
)
_BASE = "CREATE TEMP TABLE base_rows AS SELECT doc_id, text_hash, metadata_hash FROM snapshot_rows"
_COUNT = "SELECT change, count(*) FROM differences GROUP BY change"
_BATCH_ROWS = 16384


def changed_documents(base: Snapshot, snapshot: Snapshot) -> dict[str, int]:
    """Return how many documents were added, retexted, relabelled, moved, removed and left unchanged.

    A document is known by its id: retexted with another text, relabelled with the same text and other metadata, moved
    where its text stands under an id that is new. So the snapshot's documents are the sum of all but `removed`, and the
    base's the sum of all but `added`. Both lists of ids and hashes are joined within the snapshot's bounds.
    """
    with _compared(base, snapshot) as connection:
        return dict.fromkeys(CHANGES, 0) | dict(connection.execute(_COUNT).fetchall())


def write_changed_ids(base: Snapshot, snapshot: Snapshot, path: Path) -> None:
    """Write the ids of all documents that differ, with their change, as a Parquet file of the schema `IDS`."""
    with (
        _compared(base, snapshot) as connection,
        connection.sql(load("snapshot_changed_ids")).to_arrow_reader(_BATCH_ROWS) as reader,
        pq.ParquetWriter(path, IDS, compression="zstd") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch.cast(IDS))


@contextmanager
def _compared(base: Snapshot, snapshot: Snapshot) -> Iterator[Any]:
    """Open a connection with the view `differences` of two snapshots."""
    with bounded_connection(snapshot.bounds) as connection:
        base.register(connection)
        connection.execute(_BASE)
        snapshot.register(connection)
        connection.execute(load("snapshot_differences"))
        yield connection
