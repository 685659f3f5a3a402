"""`sphering report`: the geometry of a release, in numbers and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.report_tables import print_numbers
from sphering.cli.shared import Shared
from sphering.cli.snapshots import SNAPSHOT
from sphering.cli.terminal import note, print_json, print_line
from sphering.errors import StorageError

if TYPE_CHECKING:
    from sphering.store.corpus import CorpusStore
    from sphering.store.release import Release


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "report", example="sphering report\nsphering report published --json")
    def report(shared: Shared, snapshot: Annotated[str | None, SNAPSHOT] = None) -> None:
        """Print the numbers of a report and render its page again."""
        from sphering.store.documents import read_document

        place = place_of(shared)
        corpus, selector = place.corpus, place.selector(snapshot, "latest")
        release = corpus.find_release(selector)
        numbers = read_document(corpus.files, corpus.layout.report(release.report))
        page = _page(corpus, release)
        if shared.json:
            facts = {"snapshot": release.snapshot, "release": release.id, "selector": selector}
            print_json({**facts, "report": corpus.layout.page(release.id) if page else None, "numbers": numbers})
            return
        note(f"{selector} is release {release.id}, snapshot {release.snapshot}", quiet=shared.quiet)
        print_numbers(numbers)
        if page:
            print_line(f"report: {page}")


def _page(corpus: CorpusStore, release: Release) -> Path | None:
    """Return the page, rendered again; None where the store cannot be written and has none from before."""
    from sphering.run.page import render_page

    key = corpus.layout.page(release.id)
    try:
        return render_page(corpus, release)
    except StorageError as error:
        left = corpus.files.path(key) if corpus.files.exists(key) else None
        told = "it is as it was rendered before" if left else "there is none"
        note(f"the page was not rendered, {told}: {error}", quiet=False)
        return left
