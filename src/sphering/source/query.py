"""`sql`: any DuckDB query as a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sphering.errors import SourceError
from sphering.source.block import Block, Layout
from sphering.source.current_folder import WHERE, refusing_current_folder
from sphering.source.typed import require_columns, typed_block
from sphering.sqltext import quote_identifier, statement_kinds
from sphering.store.exhausted import exhaustion

_BATCH_ROWS = 2048


def query_blocks(connection: Any, sql: str, layout: Layout, base: Path, scratch: Path) -> Iterator[Block]:
    """Yield the rows of a query; only the wanted columns are computed.

    Rows of a query have no lasting order, so that all of them have the row number 0.

    Parameters
    ----------
    connection
        A DuckDB connection with `base`, the configuration's folder, as its search path.
    sql : str
    layout : Layout
    base, scratch : Path
        What relative paths in the query are relative to; a folder for working files.

    Raises
    ------
    SourceError
        If it is anything but one SELECT; with DuckDB's words, if it cannot be run; if it gives no table, lacks a
        column, or reads a file of the current folder by a relative name.
    """
    _require_select(sql)
    with _in_our_words(), refusing_current_folder(connection, base, scratch / "opened") as look:
        relation = connection.sql(sql)
        look()
        if relation is None or not relation.columns:
            raise _failed("the statement gives no table")
        require_columns(relation.columns, layout, WHERE)
        wanted = ", ".join(quote_identifier(name) for name in layout.wanted)
        for batch in relation.project(wanted).to_arrow_reader(_BATCH_ROWS):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield typed_block(columns, np.zeros(batch.num_rows, np.int64), layout, WHERE)


@contextmanager
def _in_our_words() -> Iterator[None]:
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if exhaustion(error) is not None:  # no fault of the query: who opened the connection knows its limits
            raise
        raise _failed(str(error).strip()) from error


def _require_select(sql: str) -> None:
    """Refuse what could do more than read: DuckDB's `sql` executes COPY … TO and all else that it is given."""
    import duckdb

    try:
        kinds = statement_kinds(sql)
    except duckdb.Error as error:
        raise _failed(str(error).strip()) from error
    if kinds != ["SELECT"]:
        raise SourceError(
            f"{' and '.join(kinds) or 'no statement'} was given",
            expected="one SELECT",
            where=WHERE,
            remedy="leave the SELECT that gives the rows; what else is to be done belongs in front of the run",
        )


def _failed(words: str) -> SourceError:
    return SourceError(
        f"DuckDB cannot run the query: {words}",
        expected="one SELECT",
        where=WHERE,
        remedy="mend the query; relative paths in it are relative to the configuration file",
    )
