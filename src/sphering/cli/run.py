"""`sphering run`: the main job."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Annotated, Any

import typer

from sphering import logs
from sphering.cli.command import command
from sphering.cli.listening import listening, warned
from sphering.cli.overrides import Overrides, Wait, with_wait
from sphering.cli.place import config_of
from sphering.cli.result import print_result, unpassed
from sphering.cli.shared import CONFIGURED, Shared
from sphering.cli.terminal import note, print_json

_LOG_JSON = typer.Option("--log-json", help="Logs as JSON on standard error, a line each, instead of progress.")
_EXAMPLE = "sphering run\nsphering run --config corpora/help/sphering.toml --set run.workers=2 --json"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "run", example=_EXAMPLE, options=CONFIGURED)
    def run(
        shared: Shared,
        overrides: Annotated[list[str] | None, Overrides] = None,
        wait: Annotated[bool | None, Wait] = None,
        *,
        log_json: Annotated[bool, _LOG_JSON] = False,
    ) -> None:
        """Take the corpus to a published release.

        Read, embed what is new, fit or keep the transform, measure, export, judge the gates, publish. Run it again
        after a crash: it goes on where it was. Exit code 3 says that a gate holds the release.
        """
        if log_json:
            logs.want()
        launch(shared, "main_job", with_wait(overrides, wait))


def launch(shared: Shared, flow: Any, overrides: Sequence[str], *arguments: Any) -> None:
    """Run a flow, print what came of it, and exit with its code."""
    config = config_of(shared, overrides)
    quiet = shared.quiet or logs.wanted()  # lines of logs alone, for whoever reads them
    with listening(quiet=quiet), warned(quiet=quiet), redirect_stdout(sys.stderr):
        from sphering.flows.launch import launch as launch_flow

        result = dict(launch_flow(flow, config, *arguments, verbosity=shared.verbose))
    exit_code = int(result.pop("exit_code", 0))
    if shared.json:
        print_json(result)
    elif not shared.quiet:
        print_result(result, config, shared.config)
    elif exit_code and not logs.wanted():
        for line in unpassed(result):
            note(f"{config.corpus} is held: {line}", quiet=False)
    if exit_code:
        raise typer.Exit(exit_code)
