"""CSV records out of a stream of bytes: C-speed parsing, and a way back after a record that cannot be parsed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sphering.source.block import Rejected
from sphering.source.reasons import MALFORMED, TOO_LONG
from sphering.source.splitting import EXCERPT_BYTES, Piece, pieces

ENCODING, ERRORS = "utf-8", "surrogateescape"
_FIELD_LIMIT = 2**31 - 1
_UNFINISHED = "unexpected end of data"


@dataclass(frozen=True)
class Records:
    """Parsed records, the line on which each begins, and lines that could not be parsed."""

    rows: list[list[str]]
    numbers: list[int]
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class _Text:
    """Whole lines, each with its end, and the number of the first."""

    lines: list[str]
    first: int


def records(stream: Any, delimiter: str, limit: int) -> Iterator[Records]:
    """Yield the records of a CSV stream (RFC 4180; LF or CRLF; quoted fields may hold newlines); blank lines are none.

    A record that cannot be parsed (text after a closing quote, a quote without a partner within `limit` bytes)
    spoils its first line alone: parsing goes on at the next.
    """
    # The module's limit on fields (131,072) is global; ours is `limit`, enforced on lines and on unfinished records.
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    text = _Text([], 1)
    for piece in pieces(stream, limit):
        if piece.over:
            yield _parse(text, delimiter, -1)[0]
            yield _too_long(piece, limit)
            text = _Text([], piece.first + 1)
            continue
        found = piece.data.decode(ENCODING, ERRORS)
        text = _Text([*text.lines, *io.StringIO(found, newline="\n")], text.first)
        parsed, text = _parse(text, delimiter, limit)
        yield parsed
    yield _parse(text, delimiter, -1)[0]


def _too_long(piece: Piece, limit: int) -> Records:
    detail = f"the line has over {limit} bytes, more than a text of max_bytes can take"
    return Records([], [], (Rejected(piece.first, TOO_LONG, detail, piece.data),))


def _parse(text: _Text, delimiter: str, limit: int) -> tuple[Records, _Text]:
    """Parse lines; an unfinished record of up to `limit` characters at their end is returned as the second value."""
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    start = 0  # a place in the lines: to cut off what is parsed costs the lines that remain, at every bad one
    while start < len(text.lines):
        found, failure = _read(text.lines, start, delimiter)
        spans = [1] * len(found)
        if failure is not None or len(found) != len(text.lines) - start:
            spans = [1 + sum(field.count("\n") for field in row) for row in found]
        numbers += [text.first + start + lines for lines in accumulate(spans[:-1], initial=0)][: len(found)]
        rows += found
        start += sum(spans)
        if failure == _UNFINISHED and sum(map(len, text.lines[start:])) <= limit:
            break
        if start < len(text.lines):
            rejected.append(_malformed(text.lines[start], text.first + start, str(failure)))
            start += 1
    return Records(rows, numbers, tuple(rejected)), _Text(text.lines[start:], text.first + start)


def _malformed(line: str, number: int, failure: str) -> Rejected:
    words = failure if failure != _UNFINISHED else "a quote is opened and never closed"
    return Rejected(number, MALFORMED, f"no CSV: {words}", line.encode(ENCODING, ERRORS)[:EXCERPT_BYTES])


def _read(lines: list[str], start: int, delimiter: str) -> tuple[list[list[str]], str | None]:
    """Return the records from a line on, before the first that the parser refuses, and its words."""
    found: list[list[str]] = []
    rest = map(lines.__getitem__, range(start, len(lines)))
    try:
        found.extend(csv.reader(rest, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return found, str(error)
    return found, None
