"""documents.parquet: the kept rows with their texts, sorted by id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.source.digest import HASH
from sphering.source.grouped import GroupedWriter
from sphering.source.keys import Origin, sort_keys
from sphering.source.reorder import reorder

# Texts are null only in documents that are carried over from a snapshot without texts.
DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("text_hash", HASH, nullable=False),
        pa.field("metadata_hash", HASH, nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
_BATCH_ROWS = 2048
_SHARE = 8  # a bucket is held up to three times: as read, as ordered, as a row group being written
_LARGEST_BUCKET = 512 << 20
_MOST_BUCKETS = 800  # files open at once: the usual limit is 1,024
_UNITS = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True)
class Written:
    """What came of the rows."""

    documents: int
    carried: int
    deleted: int
    duplicates: int
    texts: int
    content_digest: str


def write_documents(connection: Any, rows: Path, target: Path, origin: Origin, memory: str) -> Written:
    """Sort the checked rows of a Parquet file, drop duplicates and write the documents.

    Parameters
    ----------
    connection
        A DuckDB connection under the memory limit.
    rows, target : Path
        The checked rows, beside which scratch files are written; the documents.
    origin : Origin
        The rule for duplicates, and the names of the files.
    memory : str
        The memory limit, such as ``1GB``.

    Raises
    ------
    SourceError
        If rows of one id differ and the rule is `error`.
    """
    places = rows.with_name("places.parquet")
    kept = sort_keys(connection, rows, places, origin, _bucket_bytes(rows, memory))
    options = {"compression": "zstd", "use_dictionary": ["metadata"], "write_statistics": ["doc_id"]}
    with GroupedWriter(target, DOCUMENTS, **options) as writer:
        for table in reorder(connection, rows, places, DOCUMENTS):
            for batch in table.to_batches(_BATCH_ROWS):
                writer.add(batch)
    query = "SELECT count(DISTINCT text_hash) FROM read_parquet($path)"
    texts = connection.execute(query, {"path": str(target)}).fetchone()[0]
    return Written(
        documents=writer.rows,
        carried=kept.carried,
        deleted=kept.deleted,
        duplicates=kept.duplicates,
        texts=int(texts),
        content_digest=kept.content_digest,
    )


def _bucket_bytes(rows: Path, memory: str) -> int:
    metadata = pq.read_metadata(rows)
    total = sum(int(metadata.row_group(group).total_byte_size) for group in range(metadata.num_row_groups))
    limit = float(memory[:-2]) * _UNITS[memory[-2:]]
    return max(int(min(limit / _SHARE, _LARGEST_BUCKET)), total // _MOST_BUCKETS)
