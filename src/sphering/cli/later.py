"""`sphering fit` and `sphering export`: a transform or exports made later, over a snapshot that exists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sphering.cli.command import command
from sphering.cli.overrides import Overrides, Wait, with_wait
from sphering.cli.run import launch
from sphering.cli.shared import CONFIGURED, Shared
from sphering.errors import InputError

_SNAPSHOT = typer.Argument(metavar="SNAPSHOT", help="A snapshot or release: id, prefix or ref; by default latest.")
_EXPORT_EXAMPLE = "sphering export published\nsphering export --tune --index HNSW32 --index IVF256,Flat"
_INDEX = typer.Option("--index", metavar="STRING", help="--tune: try this FAISS index alone; may be repeated.")
_PLOT_FILE = "tune.html"
_PLOT = typer.Option("--plot", metavar="FILE", help=f"--tune: where the plot goes; by default {_PLOT_FILE}.")


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

    @command(app, "export", example=_EXPORT_EXAMPLE, options=CONFIGURED)
    def export(
        shared: Shared,
        snapshot: Annotated[str | None, _SNAPSHOT] = None,
        overrides: Annotated[list[str] | None, Overrides] = None,
        wait: Annotated[bool | None, Wait] = None,
        *,
        tune: Annotated[bool, typer.Option("--tune", help="Measure what could be exported; write nothing.")] = False,
        index: Annotated[list[str] | None, _INDEX] = None,
        plot: Annotated[Path | None, _PLOT] = None,
    ) -> None:
        """Write the exports of a snapshot that exists.

        Makes a new release where the [[export]] tables changed and moves `latest`; `published` stays where it is.

        With --tune it tries index types under each of their settings, and vectors in fewer bits and dimensions, prints
        recall, queries/s and bytes of each, and draws recall against speed. Nothing in the store changes.
        """
        if not tune and (index or plot):
            raise InputError("--index and --plot are of --tune", expected="--tune", remedy="add --tune")
        if tune:
            from sphering.cli.tune import Wanted, tune_and_print

            tune_and_print(shared, snapshot, overrides or (), Wanted(index or (), plot or Path(_PLOT_FILE)))
            return
        launch(shared, "export", with_wait(overrides, wait), snapshot)
