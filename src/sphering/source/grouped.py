"""A Parquet file written in row groups that are bounded in rows and in bytes."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS = 16384
GROUP_BYTES = 8 << 20  # a row group is held several times while it is read and sorted into buckets


class GroupedWriter:
    """Collects record batches and writes a row group when it is full.

    Parameters
    ----------
    path : Path
    schema : pyarrow.Schema
    options
        For `pyarrow.parquet.ParquetWriter`.
    """

    def __init__(self, path: Path, schema: pa.Schema, **options: Any) -> None:
        self.rows = 0
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, **options)
        self._batches: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch of at most `GROUP_ROWS` rows."""
        if self._pending_rows + batch.num_rows > GROUP_ROWS:
            self._flush()
        self._batches.append(batch)
        self.rows += batch.num_rows
        self._pending_rows += batch.num_rows
        self._pending_bytes += batch.nbytes
        if self._pending_bytes > GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._pending_rows:
            self._writer.write_table(pa.Table.from_batches(self._batches, self._schema), row_group_size=GROUP_ROWS)
        self._batches, self._pending_rows, self._pending_bytes = [], 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
