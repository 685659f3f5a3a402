"""`sphering publish` and `sphering rollback`: move what consumers get, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import print_json, print_line

if TYPE_CHECKING:
    from sphering.maintenance.publication import Publication

_SNAPSHOT = typer.Argument(metavar="SNAPSHOT", help="A snapshot or release: id, prefix or ref; by default latest.")
_WHY = typer.Option("--why", metavar="TEXT", help="The reason, kept in the ref's history.")


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "publish", example='sphering publish\nsphering publish 48038407 --why "checked by hand"')
    def publish(
        shared: Shared, snapshot: Annotated[str | None, _SNAPSHOT] = None, why: Annotated[str, _WHY] = "by hand"
    ) -> None:
        """Publish a release that passed its gates.

        A run publishes by itself; this is for releases of `fit` and `export`. A held or withdrawn release is refused.
        """
        from sphering.maintenance.publication import publish as publish_release

        place = place_of(shared)
        release = place.corpus.find_release(place.selector(snapshot, "latest"))
        _print(shared, publish_release(place.corpus, place.channel, release, why), "published")

    @command(app, "rollback", example='sphering rollback --why "prices were wrong"')
    def rollback(shared: Shared, why: Annotated[str, _WHY]) -> None:
        """Withdraw what is published, and publish what was before.

        No run publishes the withdrawn release in this channel again, nor one that serves the same.
        """
        from sphering.maintenance.publication import rollback as roll_back

        place = place_of(shared)
        _print(shared, roll_back(place.corpus, place.channel, why), "rolled back to")


def _print(shared: Shared, done: Publication, verb: str) -> None:
    if shared.json:
        print_json(done.to_json())
    elif not done.moved:
        print_line(f"{done.channel}/published names release {done.release} already")
    else:
        before = f", in place of {done.left}" if done.left else ""
        print_line(f"{done.channel}: {verb} release {done.release}{before}")
