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
_DELETE = typer.Option("--delete", help="Remove it; without this, only show what would be removed.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "gc", example="sphering gc\nsphering gc --keep 10 --delete")
    def gc(
        shared: Shared,
        keep: Annotated[int, _KEEP] = 5,
        grace: Annotated[float, _GRACE] = 7.0,
        delete: Annotated[bool, _DELETE] = False,
    ) -> None:
        """Remove what nothing needs any more.

        Snapshots, releases, exports and shards. What refs name stays, with the newest published releases, what young
        runs made, and every run's record. Nothing is removed without --delete, and never beside a run.
        """
        from sphering.maintenance.collection import collect

        place = place_of(shared)
        corpus = place.corpus if delete else _to_look_at(place.corpus, quiet=shared.quiet)
        found = collect(corpus, keep=keep, grace_days=grace, delete=delete).to_json()
        if shared.json:
            print_json(found)
            return
        _print(found)
        if not delete and found["removed"]:
            note("nothing was removed: give --delete", quiet=shared.quiet)


def _to_look_at(corpus: CorpusStore, *, quiet: bool) -> CorpusStore:
    """Return the corpus as it is looked at: by this machine's clock where the store's cannot be asked.

    A folder's clock is asked by writing a file, which needs a right, and space, that looking needs not.
    """
    from sphering.store.corpus import CorpusStore
    from sphering.store.local_files import LocalFiles

    class ByThisClock(LocalFiles):
        """A folder that is not written to, even for its time."""

        def now(self) -> float:
            """Return what this machine's clock says now."""
            return time.time()

    if not isinstance(corpus.files, LocalFiles):
        return corpus
    try:
        corpus.files.now()
    except (StorageError, OSError):
        note("the store cannot be written, so ages are by this machine's clock", quiet=quiet)
        return CorpusStore(ByThisClock(corpus.files.root), corpus.name)
    return corpus


def _print(found: dict[str, Any]) -> None:
    rows = [(kind, counts["files"], f"{counts['bytes'] / 1e6:,.1f} MB") for kind, counts in found["removed"].items()]
    if rows:
        print_table(("removed" if found["deleted"] else "would be removed", "files", "size"), rows)
    else:
        print_line("nothing to remove")
    print_line("kept: " + ", ".join(f"{count} {name}" for name, count in found["kept"].items()))
