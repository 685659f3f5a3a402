"""vectors.parquet: doc_id, embedding as a fixed-size list of float32, metadata; written by pyarrow.

DuckDB and others see the column as a plain list and cast it (`embedding::FLOAT[384]`); Polars, pyarrow and Lance keep
the fixed size, which lies in the Arrow schema that the file carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.errors import IntegrityError
from sphering.export.matrix import BLOCK_ROWS, ROW_GROUP_ROWS
from sphering.export.protocol import Block, ExportJob, VectorFormat
from sphering.export.rows import write_table
from sphering.store.shard import EMBEDDING, vector_array, vector_rows, vector_type

PARQUET = "vectors.parquet"


class ParquetFormat(VectorFormat):
    """One Parquet file in `doc_id` order, row groups of 16,384 rows."""

    name = "parquet"
    libraries = ("pyarrow",)

    def write(self, job: ExportJob) -> None:
        """Write ids, vectors and metadata block by block."""
        batches = vector_batches(job, ROW_GROUP_ROWS)
        write_table(job.folder / PARQUET, vector_schema(job.matrix.d), batches, plain=(EMBEDDING,))

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks with pyarrow's reader."""
        path = folder / PARQUET
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=["doc_id", EMBEDDING]):
                    yield Block(batch.column(0), vector_rows(batch.column(1)))
        except (OSError, pa.ArrowException) as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected="a Parquet file", where=str(path)
            ) from error


def vector_schema(dimension: int) -> pa.Schema:
    """Return the schema of exported rows."""
    return pa.schema(
        [
            pa.field("doc_id", pa.string(), nullable=False),
            pa.field(EMBEDDING, vector_type(dimension), nullable=False),
            pa.field("metadata", pa.string(), nullable=False),
        ]
    )


def vector_batches(job: ExportJob, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield doc_id, embedding and metadata of the matrix in batches of at most `rows` rows."""
    schema = vector_schema(job.matrix.d)
    for documents, vectors in zip(job.matrix.documents(rows), job.matrix.blocks(rows), strict=True):
        columns = [documents.column(1), vector_array(vectors), documents.column(2)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


FORMAT = ParquetFormat()
