"""Build the catalog anew from the store's documents, beside the old one, then rename it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from sphering.catalog.row import Row, Tables
from sphering.catalog.rows import collect
from sphering.catalog.views import document_views, quarantine_view
from sphering.sqltext import load, quote_identifier
from sphering.store.database import DEFAULT, bounded_connection
from sphering.store.files import storage_errors
from sphering.store.store import Store

CATALOG = "catalog.duckdb"
_log = logging.getLogger(__name__)


def rebuild(store: Store) -> Path:
    """Build catalog.duckdb over all corpora of a store and put it in the old one's place.

    Readers that have the old file open keep it; nothing is ever written in place, as a reader's lock would stop a run.
    The same store gives the same rows in the same order.
    """
    final = catalog_path(store)
    temporary = store.files.temporary()
    with storage_errors(final):
        try:
            with bounded_connection(DEFAULT, temporary) as connection:
                connection.begin()
                _fill(connection, store)
                connection.commit()
                _create_document_views(connection, store)
            temporary.replace(final)
        finally:
            for leftover in (temporary, temporary.with_name(temporary.name + ".wal")):
                leftover.unlink(missing_ok=True)
    return final


def catalog_path(store: Store) -> Path:
    """Return where a store's catalog lies."""
    return store.root / CATALOG


def define(connection: Any) -> None:
    """Create the catalog's tables, empty, with what they and their columns mean."""
    connection.execute(load("catalog_tables"))
    connection.execute(load("catalog_comments"))


def _fill(connection: Any, store: Store) -> None:
    define(connection)
    _insert(connection, [collect(store.corpus(name)) for name in store.corpora()])
    connection.execute(quarantine_view(store))


def _create_document_views(connection: Any, store: Store) -> None:
    for name in store.corpora():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(name)}")
        for statements in document_views(store.corpus(name)):
            _create_view(connection, statements)


def _create_view(connection: Any, statements: str) -> None:
    """Create a view of documents; DuckDB reads one of its files for that, and a damaged store is still to be asked."""
    import duckdb

    connection.begin()
    try:
        connection.execute(statements)
        connection.commit()
    except duckdb.Error as error:
        connection.rollback()
        _log.warning("the catalog lacks a view, `sphering verify` says what is damaged: %s", str(error).splitlines()[0])


def _insert(connection: Any, corpora: Iterable[Tables]) -> None:
    for tables in corpora:
        for name, rows in tables.items():
            if rows:
                connection.register("incoming", _arrow(rows))
                connection.execute(f"INSERT INTO {quote_identifier(name)} BY NAME SELECT * FROM incoming")
                connection.unregister("incoming")


def _arrow(rows: list[Row]) -> pa.Table:
    return pa.table({name: [_plain(row[name]) for row in rows] for name in rows[0]})


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict | list) else value
