"""What a catalog holds: its tables with their rows, and what each column means."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphering.sqltext import load, quote_identifier


@dataclass(frozen=True)
class Described:
    """A table or view in words; `columns` has the name, type and meaning of each column."""

    schema: str
    name: str
    meaning: str
    columns: tuple[tuple[str, str, str], ...]


def row_counts(path: Path) -> dict[str, int]:
    """Return the number of rows of each table of a catalog, in the order of their names."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        names = [name for (name,) in connection.execute(load("catalog_table_names")).fetchall()]
        return {name: _count(connection, name) for name in names}


def described(path: Path) -> list[Described]:
    """Return every table and view of a catalog with what the catalog itself says of them."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(load("catalog_description")).fetchall()
    columns: dict[tuple[str, str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for schema, name, meaning, *column in rows:
        columns[schema, name, meaning].append((column[0], column[1], column[2]))
    return [Described(*entry, tuple(found)) for entry, found in columns.items()]


def _count(connection: Any, table: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {quote_identifier(table)}").fetchone()
    return int(count)
