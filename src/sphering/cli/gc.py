"""`sphering gc`: remove what nothing needs any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line, print_table
from sphering.errors import StorageError

if TYPE_CHECKING:
    from sphering.store.corpus import CorpusStore

_KEEP = typer.Option("--keep", metavar="N", min=0, help="Keep the N newest releases that `published` named.")
_GRACE = typer.Option("--grace", metavar="DAYS", min=0.0, help="Keep what is younger than so many days.")
_PUBLISHED = typer.Option(
    "--published", metavar="DAYS", min=0.0, help="Keep what `published` named in the last so many days, for `drift`."
)
_DELETE = typer.Option("--delete", help="Remove it; without this, only show what would be removed.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "gc", example="sphering gc\nsphering gc --keep 10 --delete")
    def gc(
        shared: Shared,
        keep: Annotated[int, _KEEP] = 5,
        grace: Annotated[float, _GRACE] = 7.0,
        published: Annotated[float, _PUBLISHED] = 30.0,
        delete: Annotated[bool, _DELETE] = False,
    ) -> None:
        """Remove what nothing needs any more.

        Snapshots, releases, exports and shards. What refs name stays, with the newest published releases, what young
        runs made, and every run's record. Nothing is removed without --delete, and never beside a run.
        """
        from sphering.maintenance.collection import collect

        place = place_of(shared)
        at = None if delete else _time_to_look(place.corpus, quiet=shared.quiet)
        found = collect(
            place.corpus, keep=keep, grace_days=grace, published_days=published, delete=delete, at=at
        ).to_json()
        if shared.json:
            print_json(found)
            return
        _print(found)
        if not delete and found["removed"]:
            note("nothing was removed: give --delete", quiet=shared.quiet)


def _time_to_look(corpus: CorpusStore, *, quiet: bool) -> float:
    """Return what the store's clock says, or this machine's where the store's cannot be asked.

    A folder's clock is asked by writing a file, which needs a right, and space, that looking needs not.
    """
    try:
        return corpus.files.now()
    except (StorageError, OSError):
        note("the store cannot be written, so ages are by this machine's clock", quiet=quiet)
        return time.time()


def _print(found: dict[str, Any]) -> None:
    rows = [(kind, counts["files"], f"{counts['bytes'] / 1e6:,.1f} MB") for kind, counts in found["removed"].items()]
    if rows:
        print_table(("removed" if found["deleted"] else "would be removed", "files", "size"), rows)
    else:
        print_line("nothing to remove")
    print_line("kept: " + ", ".join(f"{count} {name}" for name, count in found["kept"].items()))
