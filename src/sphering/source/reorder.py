"""Wide rows brought into another order within bounded memory.

DuckDB's sort spills narrow rows to disk, but fails on rows with texts once they exceed its memory limit (2.0: 1.2 GB of
texts under a limit of 0.8 GB). So it sorts the keys alone, and texts are brought into that order by distribution: one
pass writes each row to the bucket that holds its rank, then bucket after bucket is put in order in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.source.rows import row_batches
from sphering.sqltext import load

PLACE = [
    pa.field("staged_at", pa.int64()),
    pa.field("rank", pa.int64()),
    pa.field("bucket", pa.int32()),
]
"""What places begin with: the position of a row in its file, its rank in the new order, the bucket of that rank."""
_BATCH_ROWS = 2048


def reorder(connection: Any, rows: Path, places: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield rows in the order of their ranks, a bucket at a time.

    Parameters
    ----------
    connection
        A DuckDB connection; its memory limit bounds the sort of the places.
    rows : Path
        A file of staged rows; scratch files are written beside `places`.
    places : Path
        A Parquet file with the columns of `PLACE` and more, for each row that is wanted; ranks ascend from bucket to
        bucket.
    schema : pyarrow.Schema
        The columns to yield: those that `places` has come from there, the others from `rows`.

    Yields
    ------
    pyarrow.Table
        The rows of one bucket, each column in one chunk; memory holds one bucket twice.
    """
    for bucket in _distribute(connection, rows, places, schema):
        yield _in_order(bucket, schema)
        bucket.unlink()


def _distribute(connection: Any, rows: Path, places: Path, schema: pa.Schema) -> list[Path]:
    """Write every wanted row to the file of its bucket, and return the files in the order of their ranks."""
    buckets: dict[int, tuple[Path, Any]] = {}
    with_rank = pa.schema([*schema, pa.field("rank", pa.int64())])
    reader = connection.sql(load("places_in_file_order"), params={"path": str(places)}).to_arrow_reader(_BATCH_ROWS)
    with reader, ExitStack() as stack:
        stretches = Stretches(reader, pq.read_schema(places))
        wanted = [name for name in schema.names if name not in stretches.schema.names]
        first = 0
        for batch in row_batches(rows, wanted):
            end = first + batch.num_rows
            here = stretches.below(end)
            if here.num_rows:
                for number, part in _by_bucket(batch, here, first, with_rank):
                    if number not in buckets:
                        path = places.with_name(f"bucket-{number}.arrow")
                        buckets[number] = path, stack.enter_context(pa.ipc.new_stream(path, with_rank))
                    buckets[number][1].write_table(part)
            first = end
    return [buckets[number][0] for number in sorted(buckets)]


class Stretches:
    """Cuts a stream of places, sorted by their position in the file, at given positions.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        With the columns of `schema`, `staged_at` among them.
    schema : pyarrow.Schema
        What the columns are cast to.
    """

    def __init__(self, batches: Any, schema: pa.Schema) -> None:
        self.schema = schema
        self._batches = iter(batches)
        self._rest: pa.RecordBatch | None = None

    def below(self, end: int) -> pa.Table:
        """Return the places before a position that none before it returned."""
        parts = []
        while (batch := self._rest or next(self._batches, None)) is not None:
            cut = int(np.searchsorted(batch["staged_at"].to_numpy(), end))
            # DuckDB knows no fixed-size binary: hashes come back as BLOB.
            columns = [batch[field.name].cast(field.type) for field in self.schema]
            parts.append(pa.record_batch(columns, schema=self.schema)[:cut])
            self._rest = batch.slice(cut) if cut < batch.num_rows else None
            if self._rest is not None:
                break
        return pa.Table.from_batches(parts, self.schema)


def _by_bucket(
    staged: pa.RecordBatch, places: pa.Table, first: int, schema: pa.Schema
) -> Iterator[tuple[int, pa.Table]]:
    """Yield the wanted rows of a batch by bucket."""
    numbers = places["bucket"].to_numpy()
    order = np.argsort(numbers, kind="stable")
    places = places.take(order)
    wide = staged.take(pa.array(places["staged_at"].to_numpy() - first))
    columns = {
        **{name: places[name] for name in places.column_names},
        **{name: wide[name] for name in wide.schema.names},
    }
    table = pa.table([columns[field.name] for field in schema], schema=schema)
    found, starts = np.unique(numbers[order], return_index=True)
    ends = [*starts[1:], len(order)]
    for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
        yield number, table.slice(start, end - start)


def _in_order(bucket: Path, schema: pa.Schema) -> pa.Table:
    """Return a bucket's rows by rank."""
    with pa.memory_map(str(bucket)) as mapped, pa.ipc.open_stream(mapped) as stream:
        # In one chunk: take() on a chunked column of strings joins the chunks at every call.
        table = stream.read_all().combine_chunks()
    return table.select(schema.names).take(pa.array(np.argsort(table["rank"].to_numpy())))
