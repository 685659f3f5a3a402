"""`sphering catalog`: the DuckDB database over a store."""

from __future__ import annotations

import time
from typing import Any

import typer

from sphering.cli.command import command
from sphering.cli.place import store_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_table

_EXAMPLE = "sphering catalog rebuild\nsphering catalog rebuild --store /srv/store --json"


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name="catalog", help="The DuckDB database over a store, for SQL.")

    @command(group, "rebuild", example=_EXAMPLE, options=("config", "store", "json", "quiet", "verbose"))
    def rebuild(shared: Shared) -> None:
        """Build the catalog anew from the store.

        It is derived, beside the old one, then renamed: the same store gives the same rows. A run does so at its end,
        and `sphering sql` where it is needed.
        """
        from sphering.catalog.contents import row_counts
        from sphering.catalog.rebuild import rebuild as rebuild_catalog

        store, began = store_of(shared), time.monotonic()
        path = rebuild_catalog(store)
        found: dict[str, Any] = {
            "path": path.relative_to(store.root).as_posix(),
            "tables": row_counts(path),
            "seconds": round(time.monotonic() - began, 3),
        }
        if shared.json:
            print_json(found)
            return
        note(f"{path}, in {found['seconds']:.1f} s", quiet=shared.quiet)
        print_table(("table", "rows"), list(found["tables"].items()))
