"""`sphering verify`: hash everything again."""

from __future__ import annotations

from typing import Annotated

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line, print_table

_SNAPSHOT = typer.Argument(metavar="SNAPSHOT", help="A release: id, prefix or ref; by default the whole corpus.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "verify", example="sphering verify\nsphering verify published --json")
    def verify(shared: Shared, snapshot: Annotated[str | None, _SNAPSHOT] = None) -> None:
        """Check that every stored byte is still what was written.

        Exit code 1 says that something is not.
        """
        from sphering.maintenance.verify import verify as verify_corpus

        place = place_of(shared)
        selector = None if snapshot is None else place.selector(snapshot, "latest")
        findings = verify_corpus(place.corpus, selector)
        if shared.json:
            print_json(findings.to_json())
        else:
            note(f"checked {selector or 'the whole corpus'}", quiet=shared.quiet)
            wrong = [entry["kind"] for entry in findings.wrong]
            print_table(
                ("kind", "checked", "wrong"),
                [(kind, count, wrong.count(kind)) for kind, count in findings.checked.items()],
            )
            for entry in findings.wrong:
                print_line(f"WRONG: {entry['kind']} {entry['name']}: {entry['found']} ({entry['where']})")
            print_line("sound" if findings.sound else "not sound: restore what is named from a backup, or run again")
        if not findings.sound:
            raise typer.Exit(1)
