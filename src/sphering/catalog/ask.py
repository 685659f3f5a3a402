"""Ask the catalog one question, once it is up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.catalog.currency import is_current
from sphering.catalog.rebuild import catalog_path, rebuild
from sphering.errors import InputError
from sphering.sqltext import statement_kinds
from sphering.store.store import Store

_READING = ("SELECT", "EXPLAIN")
_CORRUPT = "Corrupt database file"  # what DuckDB says of a block whose checksum is wrong


def ask(store: Store, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the column names and rows of one SELECT over the catalog, opened for reading.

    Raises
    ------
    InputError
        If it is not one statement that only reads, or DuckDB refuses it.
    """
    import duckdb

    _check(query)
    path = catalog_path(store)
    if not is_current(store):
        rebuild(store)
    try:
        return _answer(path, query)
    except duckdb.Error as error:
        if _CORRUPT not in str(error):
            raise _refused(path, error) from error
    rebuild(store)
    try:
        return _answer(path, query)
    except duckdb.Error as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: Exception) -> InputError:
    return InputError(
        f"DuckDB refuses the query: {str(error).strip()}",
        expected="DuckDB's SQL over the catalog",
        where=str(path),
        remedy='sphering sql "SHOW ALL TABLES" lists what there is',
    )


def _answer(path: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(query)
        columns = [str(column[0]) for column in found.description or ()]
        return _distinct(columns), found.fetchall()


def _check(query: str) -> None:
    import duckdb

    try:
        kinds = statement_kinds(query)
    except duckdb.Error as error:
        raise InputError(
            f"this is no SQL: {str(error).strip()}", expected="one SELECT", remedy="mind the quotes of your shell"
        ) from error
    if len(kinds) != 1 or kinds[0] not in _READING:
        raise InputError(
            f"{' and '.join(kinds) or 'no statement'} was given",
            expected="one statement that only reads, such as SELECT",
            remedy="the catalog is derived from the store and never written by hand",
        )


def _distinct(columns: list[str]) -> list[str]:
    """Return column names that are keys: a repeated one gets its number."""
    return [
        name if name not in columns[:i] else f"{name}_{columns[:i].count(name) + 1}" for i, name in enumerate(columns)
    ]
