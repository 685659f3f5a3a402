"""What overrides the configuration for one command, as every command spells it that runs a flow."""

from __future__ import annotations

from collections.abc import Sequence

import typer

Overrides = typer.Option(
    "--set", metavar="KEY=VALUE", help="Override a key: dotted, with a TOML value; may be given more than once."
)
Wait = typer.Option(
    "--wait/--no-wait",
    show_default=False,
    help="Wait where another run works on the corpus, or fail at once; by default as [run] wait says.",
)


def with_wait(overrides: Sequence[str] | None, wait: bool | None) -> list[str]:
    """Return the overrides of a command with what `--wait` says."""
    return [*(overrides or ()), *([] if wait is None else [f"run.wait={str(wait).lower()}"])]
