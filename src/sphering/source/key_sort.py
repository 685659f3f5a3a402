"""Rows are written, hashed and sorted by their keys while the next ones are still being read.

Reading and checking take one core; hashing takes more than that (SHA-256 of every text, metadata and row), so it runs
in DuckDB's threads meanwhile. Only keys are sorted: DuckDB sorts narrow rows on disk, but fails on rows with texts once
they exceed its memory limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from sphering.config.model import SourceConfig
from sphering.source.ordering import ORDER_FIELDS
from sphering.source.rows import ROWS, placed
from sphering.sqltext import load

_AHEAD = 4  # batches that are checked but not yet written
_ROWS = 4096
_BYTES = 4 << 20
_ASK_SECONDS = 0.1
_BATCH_ROWS = 16384


class KeySort:
    """Takes rows, and then gives their keys in order.

    Parameters
    ----------
    connection
        A DuckDB connection of its own; its memory limit bounds the sort.
    rows : Path
        The file to write the rows to, in the order in which they come.
    statement : str
        What sorts their keys, as `keys_by_id` gives it.
    schema : pyarrow.Schema
        The columns of the rows, those of `ROWS` among them.
    """

    def __init__(self, connection: Any, rows: Path, statement: str, schema: pa.Schema = ROWS) -> None:
        self.rows = 0
        self._connection = connection
        self._path = rows
        self._schema = schema
        self._statement = statement
        self._queue: Queue[pa.RecordBatch | None] = Queue(_AHEAD)
        self._failure: Exception | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._pool = ThreadPoolExecutor(1, "keys")
        self._sorted: Future[Any] = Future()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows.

        Raises
        ------
        OSError, duckdb.Error
            If earlier rows could not be written or hashed.
        """
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self._waiting_bytes += batch.nbytes
        if self._waiting_rows >= _ROWS or self._waiting_bytes >= _BYTES:
            self._flush()

    def keys(self) -> Any:
        """Return the sorted keys of all rows, as a reader of record batches; see ``sql/stage_keys.sql``.

        Raises
        ------
        OSError, duckdb.Error
            If rows could not be written, or keys not be sorted.
        """
        self._flush()
        self._put(None)
        return self._sorted_keys()

    def _flush(self) -> None:
        """Hand on what waits, in batches of about `_ROWS` rows and `_BYTES`, whatever blocks it came in."""
        if self._waiting:
            batch = self._waiting[0] if len(self._waiting) == 1 else pa.concat_batches(self._waiting)
            step = max(1, min(_ROWS, len(batch) * _BYTES // max(self._waiting_bytes, 1)))
            self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
            for start in range(0, len(batch), step):
                self._put(batch.slice(start, step))
        if self._sorted.done():
            self._sorted_keys()

    def _sorted_keys(self) -> Any:
        failed = self._sorted.exception()
        if failed is None:
            return self._sorted.result()
        # Neither with the thread's frames nor beside DuckDB's words for it: Prefect keeps an error to the very end, and
        # DuckDB then lists each of its objects that the error kept alive.
        raise (self._failure or failed).with_traceback(None)

    def __enter__(self) -> Self:
        self._sorted = self._pool.submit(self._sort)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._connection.interrupt()
        self._put(None)
        self._pool.shutdown()
        self._connection.close()
        self._failure = None

    def _put(self, batch: pa.RecordBatch | None) -> None:
        while not self._sorted.done():  # else nobody takes anything any more
            with suppress(Full):
                self._queue.put(batch, timeout=_ASK_SECONDS)
                return

    def _sort(self) -> Any:
        self._connection.register("rows", pa.RecordBatchReader.from_batches(self._schema, self._written()))
        return self._connection.sql(self._statement).to_arrow_reader(_BATCH_ROWS)

    def _written(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that were taken, with their positions, each batch once it is written."""
        first = 0
        try:
            # Uncompressed: to compress 73 MB of texts takes 0.2 s, where all of staging takes 1 s.
            with pa.OSFile(str(self._path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as file:
                while (batch := self._queue.get()) is not None:
                    rows = placed(batch, first)
                    file.write_batch(rows)
                    yield rows
                    first += len(rows)
        except Exception as error:
            self._failure = error
            raise


def keys_by_id(order: str, stays: str = "true") -> str:
    """Return the statement that sorts keys by id; `order` tells the rows of one id apart, `stays` which rows count."""
    return load("stage_keys").replace("$order", order).replace("$stays", stays)


def first_to_keep(source: SourceConfig) -> str:
    """Return the SQL that orders the rows of one id, the one to keep first.

    Only by what can tell them apart: each key that is null or equal everywhere costs a tenth of the sort.
    """
    direction = "DESC" if source.duplicates == "last" else "ASC"
    keys = [f"{field.name} {direction} NULLS LAST" for field in ORDER_FIELDS if source.order_by]
    return ", ".join([*keys, *([f"staged_at {direction}"] if source.path else ["text_hash", "metadata_hash"])])
