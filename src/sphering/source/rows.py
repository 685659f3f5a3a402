"""rows.arrow: the checked rows in the order in which they came, with their texts, to be found again by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sphering.source.checks import CHECKED
from sphering.source.digest import HASH
from sphering.store.shard import CHUNK_PLACE

CONTENT_ID_LENGTH = 32
"""The length of an id that is made from the content, in hex digits."""
STAGED_AT = pa.field("staged_at", pa.int64())
"""The position of a row."""
ROWS = pa.schema(
    [
        *CHECKED,
        pa.field("file", pa.int32()),
        pa.field("carried", pa.bool_()),
        pa.field("text_hash", HASH),
        pa.field("metadata_hash", HASH),
        pa.field("id_length", pa.binary(8)),
        STAGED_AT,
    ]
)
"""A checked row: of tonight with the number of its file, or one that is carried over; with the hashes that are known.

`id_length` counts the bytes of the id's UTF-8, as a row hash has it: 8 bytes, most significant first.
"""

CHUNK_ROWS = pa.schema([*ROWS, *CHUNK_PLACE])
"""A row that is a chunk."""


def as_rows(batch: pa.RecordBatch, schema: pa.Schema, **columns: pa.Array) -> pa.RecordBatch:
    """Return a batch with the columns of `schema`; what neither it nor `columns` has is null."""
    given = {**{name: batch[name] for name in batch.schema.names}, **columns}
    values = [given[field.name] if field.name in given else pa.nulls(len(batch), field.type) for field in schema]
    return pa.record_batch(values, schema=schema)


def placed(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    """Return rows with their `id_length`, and a `staged_at` that counts from `first`."""
    lengths = pc.fill_null(pc.binary_length(batch["doc_id"]), CONTENT_ID_LENGTH).to_numpy().astype(">u8")
    columns = {
        "id_length": pa.Array.from_buffers(pa.binary(8), len(batch), [None, pa.py_buffer(lengths)]),
        "staged_at": pa.array(np.arange(first, first + len(batch), dtype=np.int64)),
    }
    values = [columns[name] if name in columns else batch[name] for name in batch.schema.names]
    return pa.record_batch(values, schema=batch.schema)


def row_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file batch by batch, with some of their columns in the order of the file.

    Not by memory map: its pages would count as memory of the run, which is bounded.
    """
    names = _schema(path).names
    fields = [place for place, name in enumerate(names) if name in columns]
    options = pa.ipc.IpcReadOptions(included_fields=fields)
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source, options=options) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def rows_reader(path: Path, columns: Sequence[str]) -> pa.RecordBatchReader:
    """Return `row_batches` as a reader, which DuckDB takes for a table that is read once."""
    schema = pa.schema([field for field in _schema(path) if field.name in columns])
    return pa.RecordBatchReader.from_batches(schema, row_batches(path, columns))


def _schema(path: Path) -> pa.Schema:
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        return file.schema
