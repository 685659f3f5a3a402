"""`sphering diff`: how two snapshots differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line, print_table
from sphering.cli.writable import check_writable

_A = typer.Argument(metavar="A", help="A snapshot or release: id, prefix or ref.")
_B = typer.Argument(metavar="B", help="Another, of the same corpus; by default latest.")
_IDS = typer.Option("--ids", metavar="FILE", help="Write the ids that differ to FILE, a Parquet table.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "diff", example="sphering diff published\nsphering diff 8ced5bb1 a91f22c0 --ids changed.parquet")
    def diff(
        shared: Shared,
        a: Annotated[str, _A],
        b: Annotated[str, _B] = "latest",
        ids: Annotated[Path | None, _IDS] = None,
    ) -> None:
        """Show how two snapshots differ.

        Their documents, encoders, configurations and sizes. Documents are compared by id and by the hashes of text and
        metadata, whatever encoders the two have.
        """
        from sphering.report.difference import difference

        if ids is not None:
            check_writable(ids, "--ids")
        place = place_of(shared)
        before, after = (place.corpus.find(place.selector(selector, "latest")) for selector in (a, b))
        differing = difference(place.corpus, before, after, ids)
        if shared.json:
            print_json(differing)
            return
        for side, selector in (("a", a), ("b", b)):
            named = differing[side]
            note(f"{side} = {selector}: snapshot {named['snapshot']}, release {named['release']}", quiet=shared.quiet)
        _print(differing)


def _print(found: dict[str, Any]) -> None:
    print_table(("documents", "count"), list(found["changes"].items()))
    print_table(("size", "a", "b", "change"), [(name, *sizes.values()) for name, sizes in found["size"].items()])
    for part in ("encoder", "config"):
        rows = [(name, str(sides["a"]), str(sides["b"])) for name, sides in found[part].items()]
        if rows:
            print_table((part, "a", "b"), rows)
        else:
            print_line(f"{part}: no difference")
    if found["ids"]:
        print_line(f"the ids that differ: {found['ids']}")
