"""The content digest of a snapshot, from its shards without dropped rows."""

from __future__ import annotations

from typing import Any

from sphering.source.digest import ContentDigest
from sphering.sqltext import load

_BATCH_ROWS = 16384


def snapshot_digest(connection: Any) -> str:
    """Return the content digest over the view `snapshot_rows` of a connection; the sort spills beyond its memory."""
    digest = ContentDigest()
    for batch in connection.sql(load("snapshot_digest")).to_arrow_reader(_BATCH_ROWS):
        digest.update(batch.column(0))
    return digest.hexdigest()
