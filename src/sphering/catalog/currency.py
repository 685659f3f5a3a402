"""Whether the catalog says what the store holds now."""

from __future__ import annotations

import glob
from pathlib import Path

from sphering.catalog.rebuild import catalog_path, define
from sphering.sqltext import quote_literal
from sphering.store.local_files import LocalFiles
from sphering.store.store import Store

_WATCHED = ("runs", "snapshots", "releases", "reports", "exports", "transforms", "evaluations", "refs/*/*")
_COLUMNS = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE schema_name = 'main'"


def is_current(store: Store) -> bool:
    """Return whether the catalog is there, younger than the store's content, of this place and of this version.

    That of an object store never is: another machine may have added to it since, which no folder's time here tells.
    """
    path = catalog_path(store)
    is_local = isinstance(store.files, LocalFiles)
    return is_local and path.is_file() and not _is_older(store, path) and not _is_foreign(store, path)


def _is_older(store: Store, path: Path) -> bool:
    """Return whether anything was added to the store, or removed, since the catalog was built."""
    built = path.stat().st_mtime
    folders = [store.files.path(store.corpus(name).layout.root) for name in store.corpora()]
    watched = [entry for folder in folders for pattern in _WATCHED for entry in folder.glob(pattern)]
    return any(entry.stat().st_mtime >= built for entry in watched)


def _is_foreign(store: Store, path: Path) -> bool:
    """Return whether another version built it, or the store was moved: views name files by their absolute paths."""
    import duckdb

    with duckdb.connect() as empty:
        define(empty)
        expected = set(empty.execute(_COLUMNS).fetchall())
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            columns = set(connection.execute(_COLUMNS).fetchall())
            views = connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()
    except duckdb.Error:  # a file that was cut short is as good as none
        return True
    return not expected <= columns or not all(_is_inside(store, statement) for (statement,) in views)


def _is_inside(store: Store, view: str) -> bool:
    """Return whether a view reads no file, or files of this store, which stand there by name or by pattern."""
    roots = (f"{store.root}/", f"{glob.escape(str(store.root))}/")
    return "read_parquet" not in view or any(quote_literal(root)[:-1] in view for root in roots)
