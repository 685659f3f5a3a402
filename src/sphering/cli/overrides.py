"""`--set key=value`, as every command spells it that works by a configuration."""

from __future__ import annotations

import typer

Overrides = typer.Option(
    "--set", metavar="KEY=VALUE", help="Override a key: dotted, with a TOML value; may be given more than once."
)
