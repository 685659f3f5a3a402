"""`sphering sql`: ask the catalog."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import store_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import print_json, print_table

_EXAMPLE = """sphering sql "SELECT id, documents, created_at FROM snapshots ORDER BY created_at"
sphering sql "SELECT doc_id, text FROM banking77.published LIMIT 5\""""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "sql", example=_EXAMPLE, options=("config", "store", "json", "verbose"))
    def sql(
        shared: Shared,
        query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, in DuckDB's SQL.")],
    ) -> None:
        """Query the catalog: snapshots, releases, runs, documents.

        Tables: snapshots, shards, encoders, transforms, evaluations, reports, metrics, releases, gates, exports, runs,
        run_gates, refs, quarantine. Documents: CORPUS.published, CORPUS.latest and CORPUS.snapshot_ID, with the raw
        vectors as FLOAT[d]. The catalog is brought up to date first, and only read.
        """
        from sphering.catalog.ask import ask

        columns, rows = ask(store_of(shared), query)
        if shared.json:
            print_json({"columns": columns, "rows": [dict(zip(columns, row, strict=True)) for row in rows]})
            return
        print_table(columns, [[_plain(value) for value in row] for row in rows])


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
