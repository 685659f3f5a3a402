"""`sphering snapshots` and `sphering show`: what the store has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.exports import print_exports
from sphering.cli.gates import print_gates
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_pairs, print_table

SNAPSHOT = typer.Argument(metavar="SNAPSHOT", help="A snapshot or release: id, prefix or ref; by default latest.")
_SHOWN = (
    "snapshot",
    "release",
    "corpus",
    "refs",
    "created_at",
    "encoder",
    "kind",
    "model",
    "backend",
    "precision",
    "bits",
    "dimension",
    "documents",
    "rows_read",
    "quarantined",
    "duplicates",
    "truncated",
    "content_digest",
    "report",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "snapshots", example="sphering snapshots --store store --json")
    def snapshots(shared: Shared) -> None:
        """List the snapshots of a corpus, newest first."""
        from sphering.cli.facts import describe_all

        place = place_of(shared)
        found = describe_all(place.corpus, runs=shared.json)
        if shared.json:
            print_json({"corpus": place.corpus.name, "snapshots": found})
            return
        columns = ("snapshot", "created_at", "documents", "dimension", "encoder")
        rows = [[*(entry[name] for name in columns), entry["refs"]] for entry in found]
        print_table((*columns, "refs"), rows)

    @command(app, "show", example="sphering show\nsphering show published --json")
    def show(shared: Shared, snapshot: Annotated[str | None, SNAPSHOT] = None) -> None:
        """Show a snapshot, its release, gates and exports."""
        from sphering.cli.facts import describe

        place = place_of(shared)
        selector = place.selector(snapshot, "latest")
        found = describe(place.corpus, selector)
        if shared.json:
            print_json(found)
            return
        note(f"{selector} is release {found['release'] or '(none)'}", quiet=shared.quiet)
        _print(found)


def _print(found: dict[str, Any]) -> None:
    print_pairs({**{name: found[name] for name in _SHOWN}, **_transform(found)})
    print_exports(found["exports"], [entry["path"] for entry in found["exports"]])
    print_gates(found["gates"])


def _transform(found: dict[str, Any]) -> dict[str, str | None]:
    """Return the lines of the transform, with the warnings of its fit."""
    from sphering.report.transform_words import fit_words, transform_words

    transform = found["transform"]
    if not transform:
        return {"transform": None}
    bound, evaluation = transform["refit_beyond"], transform["evaluation"]
    return {
        "transform": f"{transform_words(transform)}, {transform['id']}",
        "fitted": fit_words(transform, found["snapshot"], bound=bound, evaluation=evaluation),
        **({"warnings": "; ".join(transform["warnings"])} if transform["warnings"] else {}),
    }
