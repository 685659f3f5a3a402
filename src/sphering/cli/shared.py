"""The options that commands share, each spelled and explained once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer


@dataclass(frozen=True)
class Shared:
    """What the shared options say; an option that a command does not take has its default."""

    config: Path | None = None
    store: str | None = None
    corpus: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "config": (
        Annotated[
            Path | None,
            typer.Option("--config", metavar="FILE", help="The configuration; by default ./sphering.toml."),
        ],
        None,
    ),
    "store": (
        Annotated[str | None, typer.Option("--store", metavar="S", help="A store, instead of a configuration.")],
        None,
    ),
    "corpus": (
        Annotated[
            str | None, typer.Option("--corpus", metavar="C", help="With --store: the corpus, where it has several.")
        ],
        None,
    ),
    "json": (Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")], False),
    "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")], False),
    "verbose": (
        Annotated[
            int,
            typer.Option(
                "--verbose",
                "-v",
                count=True,
                metavar="",
                show_default=False,
                help="Tracebacks and Prefect's messages; -vv for all.",
            ),
        ],
        0,
    ),
}
CONFIGURED = ("config", "json", "quiet", "verbose")
"""For commands that need the whole configuration."""
STORED = ("config", "store", "corpus", "json", "quiet", "verbose")
"""For commands that need no more than a corpus of a store."""


def parameters(names: Iterable[str]) -> list[inspect.Parameter]:
    """Return the shared options of these names as keyword parameters of a command."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_OPTIONS[name][1], annotation=_OPTIONS[name][0])
        for name in names
    ]


CONTEXT = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)


def with_signature(function: Callable[..., None], taken: Sequence[inspect.Parameter]) -> None:
    """Give a function of keyword arguments the parameters that Typer is to read off it."""
    function.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in taken}
