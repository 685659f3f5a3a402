"""The first help page, which fits a screen of 80 by 24: commands first, then the few options."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

_OPTIONS = (
    ("--version", "Print the version."),
    ("--install-completion", "Install shell completion (or --show-completion)."),
    ("--help", "Show this; behind a command: its own help."),
)


class Screenful(TyperGroup):
    """The group of all commands."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        with formatter.section("Options"):
            formatter.write_dl(_OPTIONS)
