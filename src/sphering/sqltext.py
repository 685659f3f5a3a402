"""Statements live in sql/, one file each; they are loaded by name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """Return the text of ``sql/<name>.sql``.

    Raises
    ------
    FileNotFoundError
        If there is no statement of that name.
    """
    return files("sphering.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def statement_kinds(query: str) -> list[str]:
    """Return what each statement of a query is, such as ``SELECT``; nothing is executed.

    Raises
    ------
    duckdb.Error
        If it is no SQL.
    """
    import duckdb

    return [statement.type.name.removesuffix("_STATEMENT") for statement in duckdb.extract_statements(query)]


def quote_identifier(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """Return `value` as a quoted SQL string, for the few places where DuckDB binds no parameter."""
    return "'" + value.replace("'", "''") + "'"
