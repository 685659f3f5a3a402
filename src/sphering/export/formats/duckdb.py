"""vectors.duckdb: one table `vectors` (doc_id, uuid, embedding FLOAT[d], metadata), ready for SQL.

The file is written in the storage format of DuckDB 1.2, which 1.5 reads as well; the default of 2.0 it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from sphering.config.export import DuckdbConfig
from sphering.errors import IntegrityError
from sphering.export.codes import Code
from sphering.export.formats.parquet import vector_batches, vector_schema
from sphering.export.formats.vector_files import VectorFormat
from sphering.export.matrix.files import BLOCK_ROWS
from sphering.export.protocol import Block, ExportJob
from sphering.sqltext import quote_literal
from sphering.store.database import DEFAULT, Bounds, bounded_connection
from sphering.store.shard import vector_rows

DUCKDB = "vectors.duckdb"
STORAGE_VERSION = "v1.2.0"
_READ = "SELECT doc_id, embedding FROM target.vectors ORDER BY rowid"


class DuckdbFormat(VectorFormat):
    """A DuckDB database; rows stand in `doc_id` order."""

    config = DuckdbConfig
    libraries = ("duckdb", "pyarrow")

    def write(self, job: ExportJob) -> None:
        """Create the table and insert the matrix block by block."""
        place = quote_literal(str(job.folder / DUCKDB))
        d, code = job.rows.d, Code()
        batches = vector_batches(job, code, BLOCK_ROWS)
        with bounded_connection(Bounds(job.memory, job.matrix.directory)) as connection:
            connection.execute(f"ATTACH {place} AS target (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute(
                "CREATE TABLE target.vectors (doc_id VARCHAR NOT NULL, uuid UUID NOT NULL, "
                f"embedding FLOAT[{d}] NOT NULL, metadata VARCHAR NOT NULL)"
            )
            connection.register("rows", pa.RecordBatchReader.from_batches(vector_schema(d, code), batches))
            connection.execute("INSERT INTO target.vectors SELECT doc_id, uuid, embedding, metadata FROM rows")
            connection.execute("CHECKPOINT target")
            connection.execute("DETACH target")

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks as a reader of the database gets them."""
        import duckdb

        path = folder / DUCKDB
        if not path.is_file():
            raise IntegrityError("this file is missing", expected="a DuckDB database", where=str(path))
        try:
            with bounded_connection(DEFAULT) as connection:
                connection.execute(f"ATTACH {quote_literal(str(path))} AS target (READ_ONLY)")
                for batch in connection.sql(_READ).to_arrow_reader(BLOCK_ROWS):
                    yield Block(batch.column(0), vector_rows(batch.column(1)))
        except duckdb.Error as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected="a DuckDB database", where=str(path)
            ) from error


FORMAT = DuckdbFormat()
