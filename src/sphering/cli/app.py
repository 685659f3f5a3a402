"""The command `sphering`: its commands, and the options that may stand in front of them."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from sphering import __version__
from sphering.cli import (
    bundle,
    catalog,
    compare,
    deploy,
    diff,
    doctor,
    gc,
    init,
    later,
    plan,
    publish,
    pull,
    purge,
    report,
    run,
    search,
    snapshots,
    sql,
    verify,
)
from sphering.cli.screenful import Screenful
from sphering.cli.shared import CONTEXT, STORED, parameters, with_signature

app = typer.Typer(
    name="sphering",
    cls=Screenful,
    help="Text corpora to vectors an ANN index can trust, every night.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sphering {__version__}")
        raise typer.Exit


def _before(ctx: typer.Context, **given: Any) -> None:
    given.pop("version")
    ctx.obj = {name: value for name, value in given.items() if value}


_VERSION = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ],
)
with_signature(_before, [CONTEXT, _VERSION, *parameters(STORED)])
app.callback()(_before)

_BUILDING = (init, plan, run, snapshots, report, diff, compare, later, publish)
_READING = (search, bundle, pull)
_KEEPING = (verify, gc, purge, catalog, sql, deploy, doctor)
for group in (*_BUILDING, *_READING, *_KEEPING):
    group.register(app)


def main() -> None:
    """Run the command line."""
    app(prog_name="sphering")
