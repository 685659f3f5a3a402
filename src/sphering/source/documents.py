"""documents.parquet: the kept rows with their texts, sorted by id.

DuckDB's sort spills narrow rows to disk, but fails on rows with texts once they exceed its memory limit (2.0: 1.2 GB of
texts under a limit of 0.8 GB). So it sorts the keys alone, and texts are brought into that order by distribution: one
pass writes each to the bucket that holds its rank, then bucket after bucket is put in order in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.source.grouped import GroupedWriter
from sphering.source.keys import HASH, PLACES, Origin, sort_keys
from sphering.sqltext import load

DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("text_hash", HASH, nullable=False),
        pa.field("metadata_hash", HASH, nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
_BUCKET = pa.schema([*DOCUMENTS, pa.field("rank", pa.int64())])
_BATCH_ROWS = 2048
_SHARE = 8  # a bucket is held up to three times: as read, as ordered, as a row group being written
_LARGEST_BUCKET = 512 << 20
_MOST_BUCKETS = 800  # files open at once: the usual limit is 1,024
_UNITS = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True)
class Written:
    """What came of the rows."""

    documents: int
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
    buckets = _distribute(connection, rows, places)
    options = {"compression": "zstd", "use_dictionary": ["metadata"], "write_statistics": ["doc_id"]}
    with GroupedWriter(target, DOCUMENTS, **options) as writer:
        for bucket in buckets:
            for batch in _in_order(bucket):
                writer.add(batch)
            bucket.unlink()
    query = "SELECT count(DISTINCT text_hash) FROM read_parquet($path)"
    texts = connection.execute(query, {"path": str(target)}).fetchone()[0]
    return Written(kept.documents, kept.duplicates, int(texts), kept.content_digest)


def _bucket_bytes(rows: Path, memory: str) -> int:
    metadata = pq.read_metadata(rows)
    total = sum(int(metadata.row_group(group).total_byte_size) for group in range(metadata.num_row_groups))
    limit = float(memory[:-2]) * _UNITS[memory[-2:]]
    return max(int(min(limit / _SHARE, _LARGEST_BUCKET)), total // _MOST_BUCKETS)


def _distribute(connection: Any, rows: Path, places: Path) -> list[Path]:
    """Write every kept row to the file of its bucket, and return the files in the order of their ranks."""
    buckets: dict[int, tuple[Path, Any]] = {}
    sorted_places = connection.sql(load("stage_places"), params={"path": str(places)}).to_arrow_reader(_BATCH_ROWS)
    with sorted_places, pq.ParquetFile(rows) as file, ExitStack() as stack:
        stretches = _Stretches(sorted_places)
        first = 0
        for group in range(file.num_row_groups):
            staged = file.read_row_group(group, columns=["text", "metadata"])
            here = stretches.below(first + staged.num_rows)
            for number, part in _by_bucket(staged, here, first):
                if number not in buckets:
                    path = rows.with_name(f"bucket-{number}.arrow")
                    buckets[number] = path, stack.enter_context(pa.ipc.new_stream(path, _BUCKET))
                buckets[number][1].write_table(part)
            first += staged.num_rows
    return [buckets[number][0] for number in sorted(buckets)]


class _Stretches:
    """Cuts a stream of kept keys, sorted by their place among the checked rows, at given places."""

    def __init__(self, batches: Any) -> None:
        self._batches = iter(batches)
        self._rest: pa.RecordBatch | None = None

    def below(self, end: int) -> pa.Table:
        parts = []
        while (batch := self._rest or next(self._batches, None)) is not None:
            cut = int(np.searchsorted(batch["staged_at"].to_numpy(), end))
            parts.append(pa.record_batch([batch[field.name].cast(field.type) for field in PLACES], schema=PLACES)[:cut])
            self._rest = batch.slice(cut) if cut < batch.num_rows else None
            if self._rest is not None:
                break
        return pa.Table.from_batches(parts, PLACES)


def _by_bucket(staged: pa.Table, places: pa.Table, first: int) -> Iterator[tuple[int, pa.Table]]:
    """Yield the kept rows of a row group by bucket."""
    numbers = places["bucket"].to_numpy()
    order = np.argsort(numbers, kind="stable")
    places = places.take(order)
    texts = staged.take(places["staged_at"].to_numpy() - first)
    columns = {name: table[name] for table in (places, texts) for name in table.column_names}
    table = pa.table([columns[field.name] for field in _BUCKET], schema=_BUCKET)
    found, starts = np.unique(numbers[order], return_index=True)
    ends = [*starts[1:], len(order)]
    for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
        yield number, table.slice(start, end - start)


def _in_order(bucket: Path) -> Iterator[pa.RecordBatch]:
    """Yield a bucket's documents by rank."""
    with pa.memory_map(str(bucket)) as mapped, pa.ipc.open_stream(mapped) as stream:
        # In one chunk: take() on a chunked column of strings joins the chunks at every call.
        table = stream.read_all().combine_chunks()
    order = np.argsort(table["rank"].to_numpy())
    rows = table.select(DOCUMENTS.names).cast(DOCUMENTS).to_batches()[0]
    for start in range(0, len(order), _BATCH_ROWS):
        yield rows.take(pa.array(order[start : start + _BATCH_ROWS]))
