"""`sphering doctor`: what is wrong here and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sphering.cli.command import command
from sphering.cli.place import config_of
from sphering.cli.shared import CONFIGURED, Shared
from sphering.cli.terminal import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from sphering.config.model import Config


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "doctor", example="sphering doctor\nsphering doctor --json", options=CONFIGURED)
    def doctor(shared: Shared) -> None:
        """Say what is wrong here and how to mend it.

        With a configuration its model, store and disk are looked at as well. Exit code 1 says that a run would fail.
        """
        from sphering.doctor.examine import examine
        from sphering.flows.environment import prepare

        config = _configuration(shared)
        prepare(shared.verbose, config.encoder if config else None)
        findings = examine(config)
        failed = [finding for finding in findings if finding.state == "fails"]
        if shared.json:
            print_json({"sound": not failed, "checks": [finding.to_json() for finding in findings]})
        else:
            shown = [finding for finding in findings if not shared.quiet or finding.state != "ok"]
            print_table(("check", "state", "found"), [(entry.check, entry.state, entry.found) for entry in shown])
            for finding in findings:
                if finding.mend:
                    print_line(f"{finding.check}: {finding.mend}")
        if failed:
            raise typer.Exit(1)


def _configuration(shared: Shared) -> Config | None:
    from sphering.config.load import DEFAULT_FILE

    if shared.config is None and not Path(DEFAULT_FILE).exists():
        note(f"no {DEFAULT_FILE} here: only the installation is examined", quiet=shared.quiet)
        return None
    return config_of(shared)
