"""What a manifest says of its documents, read back from shards without dropped rows."""

from __future__ import annotations

from typing import Any

from sphering.source.digest import ContentDigest
from sphering.sqltext import load

_BATCH_ROWS = 16384
FACTS = ("documents", "texts", "tokens", "unknown", "truncated")


def snapshot_facts(connection: Any) -> dict[str, Any]:
    """Return the numbers `FACTS` and the content digest over the view `snapshot_rows` of a connection."""
    values = connection.execute(load("snapshot_facts")).fetchall()[0]
    return {**dict(zip(FACTS, values, strict=True)), "content_digest": snapshot_digest(connection)}


def snapshot_digest(connection: Any) -> str:
    """Return the content digest over the view `snapshot_rows` of a connection; the sort spills beyond its memory."""
    digest = ContentDigest()
    for batch in connection.sql(load("snapshot_digest")).to_arrow_reader(_BATCH_ROWS):
        digest.update(batch.column(0))
    return digest.hexdigest()
