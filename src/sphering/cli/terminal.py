"""What a command prints: facts on standard output, notes on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WIDEST = 100
_NAMED = 3  # names before "and 12 more"
_LONGEST = 240  # of a fact, which has a line of its own: what ends it is as worth knowing as what begins it


def print_json(document: Any) -> None:
    """Print facts as JSON; an infinite or undefined number is null."""
    sys.stdout.write(json.dumps(_finite(document), indent=2, ensure_ascii=False, default=_plain) + "\n")


def print_line(text: str = "") -> None:
    """Print one line of facts."""
    sys.stdout.write(text + "\n")


def note(text: str, *, quiet: bool) -> None:
    """Say something beside the facts."""
    if not quiet:
        sys.stderr.write(text + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows: a table on a terminal, aligned lines elsewhere; numbers stand right, and so does what is missing."""
    rows = [tuple(row) for row in rows]
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    if sys.stdout.isatty():
        _rich_table(columns, cells, right)
        return
    widths = [max(len(text) for text in (name, *(row[i] for row in cells))) for i, name in enumerate(columns)]
    for line in (list(columns), *cells):
        aligned = [
            text.rjust(width) if at_right else text.ljust(width)
            for text, width, at_right in zip(line, widths, right, strict=True)
        ]
        print_line("  ".join(aligned).rstrip())


def interval(bounds: Sequence[float] | None) -> str:
    """Return a 95 % interval as a cell of a table; empty where there is none."""
    return f"{bounds[0]:.4g} to {bounds[1]:.4g}" if bounds else ""


def print_missing(found: Iterable[tuple[str, str]]) -> None:
    """Print why numbers have no value, (reason, name): each reason once, with the first of the names that have it."""
    by_reason: dict[str, list[str]] = {}
    for reason, name in found:
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        told = names if len(names) <= _NAMED + 1 else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
        print_line(f"no {' and '.join([', '.join(told[:-1]), told[-1]] if told[1:] else told)}: {reason}")


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Print named facts, one a line."""
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        print_line(f"{name.ljust(width)}  {_cell(value, _LONGEST)}")


def _rich_table(columns: Sequence[str], cells: list[list[str]], right: list[bool]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name, at_right in zip(columns, right, strict=True):
        table.add_column(name, justify="right" if at_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    Console().print(table)


def _is_number(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any, limit: int = _WIDEST) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return shortened(text, limit)


def shortened(text: str, limit: int = _WIDEST) -> str:
    """Return a text on one line, without control characters, cut at `limit` characters."""
    flat = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _plain(value: Any) -> Any:
    """Return what JSON has no form for as text; times in ISO 8601."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
