"""A DuckDB connection that keeps to a memory limit and spills into a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sphering.sqltext import quote_literal
from sphering.store.exhausted import exhaustion_errors


@contextmanager
def connected(memory: str, spill: Path, search: Path | None = None) -> Iterator[Any]:
    """Open an in-memory database in UTC.

    Parameters
    ----------
    memory : str
        DuckDB's memory limit, such as ``1GB``.
    spill : Path
        The folder for what exceeds it; made when needed, and left empty.
    search : Path, optional
        What relative paths in SQL are relative to.

    Raises
    ------
    StorageError
        If memory or disk does not suffice for what is done with it.
    """
    import duckdb

    with (
        exhaustion_errors(spill, memory),
        duckdb.connect(config={"memory_limit": memory, "temp_directory": str(spill)}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if search is not None:
            connection.execute(f"SET file_search_path = {quote_literal(str(search))}")
        yield connection
