"""Build the catalog anew from the store's documents, beside the old one, then rename it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from sphering.catalog.rows import Tables, collect
from sphering.sqltext import load, quote_identifier
from sphering.store.corpus import CorpusStore
from sphering.store.files import storage_errors
from sphering.store.refs import NAMES
from sphering.store.snapshot import path_list
from sphering.store.store import Store

CATALOG = "catalog.duckdb"


def rebuild(store: Store) -> Path:
    """Build catalog.duckdb over all corpora of a store and put it in the old one's place.

    Readers that have the old file open keep it; nothing is ever written in place, as a reader's lock would stop a run.
    """
    import duckdb

    final = store.root / CATALOG
    temporary = store.files.temporary()
    with storage_errors(final):
        try:
            with duckdb.connect(str(temporary)) as connection:
                connection.execute(load("catalog_tables"))
                for name in store.corpora():
                    corpus = store.corpus(name)
                    _insert(connection, collect(corpus))
                    for statement in _views(corpus):
                        connection.execute(statement)
            temporary.replace(final)
        finally:
            for leftover in (temporary, temporary.with_name(temporary.name + ".wal")):
                leftover.unlink(missing_ok=True)
    return final


def _insert(connection: Any, tables: Tables) -> None:
    for name, rows in tables.items():
        if rows:
            columns = {key: [_plain(row[key]) for row in rows] for key in rows[0]}
            connection.register("incoming", pa.table(columns))
            connection.execute(f"INSERT INTO {quote_identifier(name)} BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _views(corpus: CorpusStore) -> Iterator[str]:
    """Yield one view of documents for each ref: `<corpus>.latest`, `<corpus>.published`, else `<channel>_<ref>`."""
    yield f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(corpus.name)}"
    for channel in corpus.refs.channels():
        for name in NAMES:
            value = corpus.refs.read(channel, name)
            if value is None:
                continue
            view = name if channel == "main" else f"{channel}_{name}"
            yield _view(corpus, corpus.release(value.release).snapshot, view)


def _view(corpus: CorpusStore, snapshot: str, view: str) -> str:
    reader = corpus.snapshot(snapshot)
    statement = load("catalog_documents_view")
    dropped = str(reader.dropped_path) if reader.dropped_path else ""
    gone = (
        load("catalog_dropped").replace("$dropped", path_list([Path(dropped)]))
        if dropped
        else load("catalog_nothing_dropped")
    )
    return (
        statement.replace("$view", f"{quote_identifier(corpus.name)}.{quote_identifier(view)}")
        .replace("$paths", path_list(reader.paths))
        .replace("$gone", gone.rstrip().rstrip(";"))
        .replace("$dimension", str(int(reader.dimension)))
    )
