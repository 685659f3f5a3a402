"""Relative names in a query mean the configuration's folder, never the one that the process happens to stand in.

DuckDB looks for a relative name in the current folder first, and in `file_search_path` only where it finds nothing. A
process has one current folder for all its threads, so none can be set for a query. But DuckDB logs each file that it
opens under the name that it opened: one that was found in the search path is absolute, so a relative one is a file of
the current folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sphering.errors import SourceError
from sphering.sqltext import load, quote_literal

WHERE = "[source] sql"


@contextmanager
def refusing_current_folder(connection: Any, base: Path, log: Path) -> Iterator[Callable[[], None]]:
    """Refuse files that a query opens in the current folder, where that is not the configuration's.

    Parameters
    ----------
    connection
        The DuckDB connection that runs the query, with `base` as its search path.
    base : Path
        The configuration's folder.
    log : Path
        A scratch folder.

    Yields
    ------
    function
        Looks at what was opened so far; at the end, and after an error of DuckDB, it is called anyway.

    Raises
    ------
    SourceError
        If a file of the current folder was opened.
    """
    import duckdb

    if _is_current(base):
        yield lambda: None
        return
    cursor = connection.cursor()  # a statement on the connection itself would end the result that is being read
    # On disk: the log names every read as well, so that in memory it would grow with the corpus.
    config = f"{{'path': {quote_literal(str(log.absolute()))}}}"
    cursor.execute(f"CALL enable_logging('FileSystem', storage = 'file', storage_config = {config})")
    try:
        yield lambda: _refuse(cursor, base)
        _refuse(cursor, base)
    except duckdb.Error:
        _refuse(cursor, base)
        raise
    finally:
        cursor.execute("CALL disable_logging()")


def _is_current(base: Path) -> bool:
    try:
        return Path.cwd().samefile(base)
    except FileNotFoundError:  # the current folder was removed: no name is found there
        return True


def _refuse(cursor: Any, base: Path) -> None:
    found = cursor.execute(load("source_relative_files")).fetchone()
    if found is not None:
        raise SourceError(
            f"the query reads {found[0]!r} of the current folder, {Path.cwd()}",
            expected=f"files relative to the configuration's folder, {base}",
            where=WHERE,
            remedy="run from the configuration's folder, or write the path in full: DuckDB looks into the current "
            "folder first",
        )
