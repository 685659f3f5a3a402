"""Where in a TOML file a key stands; tomllib does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_HEADER = re.compile(r"^\s*\[(\[?)\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]")
_KEY = re.compile(r"^\s*(?:\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:=|\.)")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the 1-based line of a key, or of the table that should have it, or None where neither is found.

    It reads headers and the starts of lines only, which finds what people write; a line inside a multi-line string
    may be taken for a key, which costs a wrong line in a message and nothing else.
    """
    best = None
    for number, place in _places(text):
        if place == tuple(path):
            return number
        if place and place == tuple(path[: len(place)]):
            best = number
    return best


def place_in(file: Path | None, path: Sequence[str | int]) -> str:
    """Return the file, the line and the table of a key, such as `sphering.toml, line 9, in [transform]`.

    Parameters
    ----------
    file : Path or None
        None where the configuration was not read from a file; one that is no longer there has no lines.
    path : sequence of str or int
        The key, from the top of the file, inside a table.
    """
    if file is None:
        return f"in {table_name(path)}"
    try:
        line = line_of(file.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError):
        line = None
    return place_words(file, line, table_name(path))


def place_words(file: Path, line: int | None, table: str) -> str:
    """Return a place in a file in words; a table of the name '' is the top."""
    return f"{file}" + (f", line {line}" if line else "") + (f", in {table}" if table else "")


def table_name(path: Sequence[str | int]) -> str:
    """Return `[encoder]` or `[[export]] number 2` for the table that a path of two parts or more leads into."""
    if len(path) > 1 and isinstance(path[1], int):
        return f"[[{path[0]}]] number {path[1] + 1}"
    return f"[{path[0]}]"


def _places(text: str) -> Iterator[tuple[int, tuple[str | int, ...]]]:
    table: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            name = header[2].strip("\"' ")
            table = (name, counts.setdefault(name, 0)) if header[1] else (name,)
            counts[name] = counts.get(name, 0) + 1
            yield number, table
        elif key:
            yield number, (*table, next(part for part in key.groups() if part is not None))
