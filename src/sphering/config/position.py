"""Where in a TOML file a key stands; tomllib does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
