"""vectors.parquet: doc_id, uuid, embedding as a fixed-size list, metadata; written by pyarrow.

DuckDB and others see the column as a plain list and cast it (`embedding::FLOAT[384]`); Polars, pyarrow and Lance keep
the fixed size, which lies in the Arrow schema that the file carries. int8 by vector has a column `scale`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.config.export import ParquetConfig
from sphering.errors import IntegrityError
from sphering.export.codes import FLOAT16, FLOAT32, INT8, Code, Stored
from sphering.export.delta.base import DeltaBase
from sphering.export.delta.difference import DELETES_SCHEMA, Difference
from sphering.export.delta.write import DeltaWriter
from sphering.export.formats.vector_files import (
    VectorFormat,
    found_shards,
    read_code,
    scaled_by_row,
    shards,
    write_code,
)
from sphering.export.matrix.files import BLOCK_ROWS, IDS_SCHEMA, ROW_GROUP_ROWS
from sphering.export.matrix.ordered import write_table
from sphering.export.protocol import Block, ExportJob
from sphering.store.shard import EMBEDDING

PARQUET = "vectors.parquet"
SCALE = "scale"
PAYLOAD_SCHEMA = pa.schema([IDS_SCHEMA.field(name) for name in ("doc_id", "uuid", "metadata")])
_TYPES = {FLOAT32: pa.float32(), FLOAT16: pa.float16(), INT8: pa.int8()}


class ParquetFormat(VectorFormat, DeltaWriter):
    """Parquet files in `doc_id` order, row groups of 16,384 rows."""

    config = ParquetConfig
    libraries = ("pyarrow",)

    def write(self, job: ExportJob) -> None:
        """Write ids, vectors and metadata block by block."""
        code, config = self.code(job), job.config
        batches = vector_batches(job, code, ROW_GROUP_ROWS)
        schema = vector_schema(job.rows.d, code)
        shard_rows = getattr(config, "shard_rows", None)
        rest: list[pa.RecordBatch] = []
        for shard in shards(job.folder, PARQUET, job.rows.n, shard_rows):
            write_table(shard.path, schema, _take(batches, rest, shard.count), plain=(EMBEDDING,))
        write_code(job.folder, code, job.rows.d)

    def write_delta(self, job: ExportJob, base: DeltaBase, found: Difference) -> None:
        """Write three files: whole rows, ids that are gone, and metadata that changed."""
        code = self.code(job)
        batches = vector_batches(replace(job, kept=found.upserts), code, ROW_GROUP_ROWS)
        write_table(job.folder / "delta-upserts.parquet", vector_schema(job.rows.d, code), batches, plain=(EMBEDDING,))
        write_table(job.folder / "delta-deletes.parquet", DELETES_SCHEMA, found.deletes.to_batches())
        documents = replace(job, kept=found.payload).rows.documents(ROW_GROUP_ROWS)
        payload = (batch.select(PAYLOAD_SCHEMA.names) for batch in documents)
        write_table(job.folder / "delta-payload.parquet", PAYLOAD_SCHEMA, payload)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks with pyarrow's reader, decoded."""
        code, _ = read_code(folder)
        columns = ["doc_id", EMBEDDING, *([SCALE] if scaled_by_row(code) else [])]
        for path in found_shards(folder, PARQUET):
            try:
                with pq.ParquetFile(path) as file:
                    _check_schema(file.schema_arrow, code, path)
                    for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=columns):
                        _check_nulls(batch, path)
                        yield Block(batch.column(0), _decoded(batch, code))
            except (OSError, pa.ArrowException) as error:
                raise IntegrityError(
                    f"this file cannot be read: {error}", expected="a Parquet file", where=str(path)
                ) from error


def vector_schema(dimension: int, code: Code) -> pa.Schema:
    """Return the schema of exported rows."""
    element = pa.field("element", _TYPES[code.dtype], nullable=False)
    scale = [pa.field(SCALE, pa.float32(), nullable=False)] if scaled_by_row(code) else []
    return pa.schema(
        [
            pa.field("doc_id", pa.string(), nullable=False),
            pa.field("uuid", pa.string(), nullable=False),
            pa.field(EMBEDDING, pa.list_(element, dimension), nullable=False),
            *scale,
            pa.field("metadata", pa.string(), nullable=False),
        ]
    )


def vector_batches(job: ExportJob, code: Code, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield doc_id, uuid, embedding, scale where there is one, and metadata in batches of at most `rows` rows."""
    schema = vector_schema(job.rows.d, code)
    for documents, vectors in zip(job.rows.documents(rows), job.rows.blocks(rows), strict=True):
        stored = code.encode(vectors)
        scale = [pa.array(stored.scales)] if scaled_by_row(code) else []
        columns = [
            documents.column(1),
            documents.column(2),
            _lists(stored.values, schema.field(EMBEDDING).type),
            *scale,
            documents.column(3),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _check_schema(found: pa.Schema, code: Code, path: Path) -> None:
    names = ["doc_id", EMBEDDING, *([SCALE] if scaled_by_row(code) else [])]
    element = found.field(EMBEDDING).type.value_type if EMBEDDING in found.names else None
    if not {*names} <= {*found.names} or element != _TYPES[code.dtype]:
        raise IntegrityError(
            f"the columns {', '.join(found.names)}, numbers of {element}",
            expected=f"{', '.join(names)}, numbers of {_TYPES[code.dtype]}",
            where=str(path),
        )


def _check_nulls(batch: pa.RecordBatch, path: Path) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count:
            raise IntegrityError(f"{column.null_count} NULL in the column {name}", expected="none", where=str(path))


def _lists(values: NDArray[np.generic], type_: pa.DataType) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), type=type_)


def _decoded(batch: pa.RecordBatch, code: Code) -> NDArray[np.float32]:
    lists = batch.column(1)
    values: Any = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), -1)
    scales = batch.column(2).to_numpy() if batch.num_columns > 2 else None
    return code.decode(Stored(values, scales), values.shape[1])


def _take(batches: Iterator[pa.RecordBatch], rest: list[pa.RecordBatch], count: int) -> Iterator[pa.RecordBatch]:
    """Yield the next `count` rows; what is left of the last batch stays in `rest`."""
    while count:
        batch = rest.pop() if rest else next(batches)
        yield batch.slice(0, count)
        if batch.num_rows > count:
            rest.append(batch.slice(count))
        count -= min(count, batch.num_rows)


FORMAT = ParquetFormat()
