"""Which documents changed since the base: one comparison of ids and hashes, whatever encoder the base had."""

from __future__ import annotations

from sphering.report.catalogue import CHANGES
from sphering.sqltext import load
from sphering.store.database import bounded_connection
from sphering.store.snapshot import Snapshot

_BASE = "CREATE TEMP TABLE base_rows AS SELECT doc_id, text_hash, metadata_hash FROM snapshot_rows"


def changed_documents(base: Snapshot, snapshot: Snapshot) -> dict[str, int]:
    """Return how many documents were added, retexted, relabelled, moved, removed and left unchanged.

    A document is known by its id: retexted with another text, relabelled with the same text and other metadata, moved
    where its text stands under an id that is new. So the snapshot's documents are the sum of all but `removed`, and the
    base's the sum of all but `added`. Both lists of ids and hashes are joined within the snapshot's bounds.
    """
    with bounded_connection(snapshot.bounds) as connection:
        base.register(connection)
        connection.execute(_BASE)
        snapshot.register(connection)
        counts = connection.execute(load("snapshot_changes")).fetchall()[0]
    return dict(zip(CHANGES, counts, strict=True))
