"""`sphering fit` and `sphering export`: a transform or exports made later, over a snapshot that exists."""

from __future__ import annotations

from typing import Annotated

import typer

from sphering.cli.command import command
from sphering.cli.overrides import Overrides, Wait, with_wait
from sphering.cli.run import launch
from sphering.cli.shared import CONFIGURED, Shared

_SNAPSHOT = typer.Argument(metavar="SNAPSHOT", help="A snapshot or release: id, prefix or ref; by default latest.")


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "fit", example="sphering fit --set transform.kind=whiten", options=CONFIGURED)
    def fit(
        shared: Shared,
        snapshot: Annotated[str | None, _SNAPSHOT] = None,
        overrides: Annotated[list[str] | None, Overrides] = None,
        wait: Annotated[bool | None, Wait] = None,
    ) -> None:
        """Fit the transform on a snapshot that exists.

        Makes a new release with its report and exports and moves `latest`; `published` stays where it is.
        """
        launch(shared, "fit", with_wait(overrides, wait), snapshot)

    @command(app, "export", example="sphering export published", options=CONFIGURED)
    def export(
        shared: Shared,
        snapshot: Annotated[str | None, _SNAPSHOT] = None,
        overrides: Annotated[list[str] | None, Overrides] = None,
        wait: Annotated[bool | None, Wait] = None,
    ) -> None:
        """Write the exports of a snapshot that exists.

        Makes a new release where the [[export]] tables changed and moves `latest`; `published` stays where it is.
        """
        launch(shared, "export", with_wait(overrides, wait), snapshot)
