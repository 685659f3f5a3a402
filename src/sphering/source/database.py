"""A DuckDB connection that keeps to a memory limit and spills into a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sphering.errors import StorageError
from sphering.sqltext import quote_literal


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
        If DuckDB runs out of memory or of disk.
    """
    import duckdb

    with duckdb.connect(config={"memory_limit": memory, "temp_directory": str(spill)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if search is not None:
            connection.execute(f"SET file_search_path = {quote_literal(str(search))}")
        try:
            yield connection
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise StorageError(
                f"DuckDB ran out of memory or disk: {str(error).splitlines()[0]}",
                expected=f"{memory} of memory, and room for what exceeds it",
                where=str(spill),
                remedy="raise memory under [run], or free disk space there",
            ) from error
