"""`sphering deploy`: all that runs a corpus by itself, on a Prefect server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import config_of
from sphering.cli.shared import CONFIGURED, Shared
from sphering.cli.terminal import print_json, print_line, print_table

_POOL = typer.Option("--pool", metavar="NAME", help="The work pool; made where it is not there.")
_CRON = typer.Option("--cron", metavar="CRON", help='When the nightly run begins; by default "0 2 * * *".')
_EVERY = typer.Option("--every", metavar="HOURS", help="Or how many hours lie between two nightly runs.")
_TIMEZONE = typer.Option("--timezone", metavar="ZONE", help="The time zone of all schedules.")
_DOWNSTREAM = typer.Option(
    "--downstream", metavar="FLOW/NAME", help="Start this deployment after each publication, with release and corpus."
)
_EXAMPLE = 'sphering deploy\nsphering deploy --cron "30 1 * * *" --timezone Europe/Berlin --downstream load/search'


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "deploy", example=_EXAMPLE, options=CONFIGURED)
    def deploy(
        shared: Shared,
        pool: Annotated[str, _POOL] = "sphering",
        cron: Annotated[str | None, _CRON] = None,
        every: Annotated[float | None, _EVERY] = None,
        timezone: Annotated[str, _TIMEZONE] = "UTC",
        downstream: Annotated[str | None, _DOWNSTREAM] = None,
    ) -> None:
        """Have a Prefect server run the corpus every night.

        Work pool, deployments with their schedules and limits, automations. Says what changed; a second call changes
        nothing. Needs a server that stays: PREFECT_API_URL.
        """
        from sphering.config.load import DEFAULT_FILE
        from sphering.flows.environment import prepare

        prepare(shared.verbose, config_of(shared).encoder)
        from sphering.flows.deploy.apply import deploy as make
        from sphering.flows.deploy.order import Order

        file = (shared.config or Path(DEFAULT_FILE)).expanduser().absolute()
        changes = make(Order(file, pool, cron, every, timezone, downstream))
        _print(shared, [change.to_json() for change in changes])


def _print(shared: Shared, changes: Sequence[Mapping[str, Any]]) -> None:
    changed = [change for change in changes if change["state"] != "unchanged"]
    if shared.json:
        print_json({"changed": bool(changed), "changes": changes})
        return
    if changed:
        rows = [(*(change[key] for key in ("kind", "name", "state")), _differences(change)) for change in changed]
        print_table(("kind", "name", "state", "differed"), rows)
    unchanged = len(changes) - len(changed)
    if unchanged and not shared.quiet:
        print_line(f"{unchanged} unchanged" if changed else f"nothing changed: all {unchanged} are as they should be")


def _differences(change: Mapping[str, Any]) -> str:
    old, new = change["old"], change["new"]
    return ", ".join(
        f"{name}: {old[name] or 'none'} -> {new[name]}" if name in new else name for name in change["differed"]
    )
