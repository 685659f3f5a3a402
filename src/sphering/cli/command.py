"""How a function becomes a command: shared options, an example in its help, errors without a traceback."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer

from sphering.cli.failure import exit_code_of
from sphering.cli.shared import CONTEXT, STORED, Shared, parameters, with_signature

Function = Callable[..., None]


def command(
    app: typer.Typer, name: str, *, example: str, options: Sequence[str] = STORED
) -> Callable[[Function], Function]:
    """Register a function `(shared, own arguments …)` as a command.

    Parameters
    ----------
    app : typer.Typer
    name : str
        The command's name.
    example : str
        One command line, or several, for the help.
    options : sequence of str
        The shared options that it takes. They may stand before the command's name as well.
    """

    def register(function: Function) -> Function:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def call(ctx: typer.Context, **values: Any) -> None:
            shared = _shared(ctx, {key: values.pop(key) for key in options}, name)
            if not shared.verbose:
                warnings.simplefilter("ignore")
            try:
                function(shared, **values)
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except (Exception, KeyboardInterrupt) as error:
                raise typer.Exit(exit_code_of(error, verbose=shared.verbose > 0)) from error

        keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        with_signature(call, [CONTEXT, *keyword, *parameters(options)])
        app.command(name, help=_help(function, example))(call)
        return function

    return register


def _shared(ctx: typer.Context, given: dict[str, Any], name: str) -> Shared:
    """Return the shared options; what stands after the command's name goes before what stands in front of it."""
    before: dict[str, Any] = ctx.obj or {}
    for option in before:
        if option not in given:
            raise typer.BadParameter(f"`{name}` takes no --{option}")
    return Shared(**{**before, **{option: value for option, value in given.items() if value or option not in before}})


def _help(function: Function, example: str) -> str:
    text = inspect.getdoc(function) or ""
    lines = "\n".join(f"  {line}" for line in example.splitlines())
    return f"{text}\n\n\b\nExample:\n{lines}"
