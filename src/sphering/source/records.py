"""JSON records to blocks: parsed together where all are sound, one by one where one is not."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.source.block import Block, Layout, Rejected
from sphering.source.reasons import INVALID_UTF8, MALFORMED, NUL, SURROGATE, WRONG_TYPE

_MARK = os.urandom(16).hex()
_SEPARATOR = f',"{_MARK}",'.encode()
DEEPEST = 100
_CANNOT_CONVERT = (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError)


@dataclass(frozen=True)
class Parsed:
    """Values of one kind with their places: records (dict), or bare texts (str)."""

    values: list[Any]
    rows: NDArray[np.int64]
    rejected: tuple[Rejected, ...] = ()


def parse(elements: pa.Array, rows: NDArray[np.int64]) -> Parsed:
    """Parse JSON elements, (n,) binary, each on its own.

    Sound blocks are parsed by one call, joined by a random string: elements that are not JSON on their own cannot
    end up as the same number of values with that string between each two. The other blocks are parsed row by row.
    """
    data = elements.to_pylist()
    try:
        values = json.loads((b"[" + _SEPARATOR.join(data) + b"]").decode())
    except (ValueError, RecursionError):
        return _parse_each(data, rows)
    if len(values) != 2 * len(data) - 1 or values[1::2] != [_MARK] * (len(data) - 1):
        return _parse_each(data, rows)
    return Parsed(values[0::2], rows)


def _parse_each(data: list[bytes], rows: NDArray[np.int64]) -> Parsed:
    values, kept, rejected = [], [], []
    for element, row in zip(data, rows.tolist(), strict=True):
        try:
            values.append(_loads(element))
            kept.append(row)
        except _RowError as error:
            rejected.append(Rejected(row, error.reason, error.detail, element.strip()))
    return Parsed(values, np.array(kept, np.int64), tuple(rejected))


class _RowError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _loads(element: bytes) -> Any:
    try:
        text = element.decode()
    except UnicodeDecodeError as error:
        detail = f"byte {error.start + 1} of the row is no UTF-8: {error.reason}"
        raise _RowError(INVALID_UTF8, detail) from error
    if "\0" in text:
        raise _RowError(NUL, "the row holds a NUL byte")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _RowError(MALFORMED, f"no JSON: {error}") from error


def only(parsed: Parsed, kind: type, expected: str) -> Parsed:
    """Return the values of one kind; the others are rejected as malformed."""
    if set(map(type, parsed.values)) <= {kind}:
        return parsed
    fits = [type(value) is kind for value in parsed.values]
    rejected = [
        Rejected(row, MALFORMED, f"the row is {_word(value)}, not {expected}", json.dumps(value).encode())
        for value, row, fit in zip(parsed.values, parsed.rows.tolist(), fits, strict=True)
        if not fit
    ]
    values = [value for value, fit in zip(parsed.values, fits, strict=True) if fit]
    return Parsed(values, parsed.rows[np.array(fits, bool)], (*parsed.rejected, *rejected))


def to_block(parsed: Parsed, layout: Layout) -> Block:
    """Return records as a block; rows with a value of the wrong type or a lone surrogate are rejected."""
    try:
        return _convert(parsed, layout)
    except _CANNOT_CONVERT:
        return _convert(_screen(parsed, layout), layout)


def _convert(parsed: Parsed, layout: Layout) -> Block:
    records = parsed.values
    names = frozenset().union(*map(dict.keys, records)) if records else frozenset()
    values = _columns(records, layout.wanted)
    return Block(
        rows=parsed.rows,
        text=pa.array(values[layout.text], pa.string()),
        id=None if layout.id is None else _ids(values[layout.id]),
        metadata={name: column(values[name]) for name in layout.metadata if name in names},
        order=None if layout.order is None else _ordering(values[layout.order]),
        deleted=None if layout.deleted is None else column(values[layout.deleted]),
        names=names,
        rejected=parsed.rejected,
    )


def _columns(records: list[dict[str, Any]], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the records' values by name; None where a record has no such field."""
    try:
        if len(names) > 1 and records:
            return dict(zip(names, zip(*map(itemgetter(*names), records), strict=True), strict=True))
    except KeyError:
        pass
    return {name: [record.get(name) for record in records] for name in names}


def _ids(values: Sequence[Any]) -> pa.Array:
    if int in set(map(type, values)):
        values = [str(value) if type(value) is int else value for value in values]
    return pa.array(values, pa.string())


def column(values: Sequence[Any]) -> pa.Array:
    """Return JSON values of one column as Arrow: of their type where all have one, else as arrow.json.

    Raises
    ------
    UnicodeEncodeError
        If a string holds a lone surrogate, at any depth.
    """
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {int}:
        with suppress(OverflowError):
            return pa.array(values, pa.int64())
    elif len(kinds) == 1 and kinds <= {str, bool, float}:
        return pa.array(values)
    if any(depth(value) > DEEPEST for value in values):
        raise TypeError("nested too deep")
    texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return pa.array(texts, pa.string()).cast(pa.json_(pa.string()))


def depth(value: Any) -> int:
    """Return how many arrays and objects lie in each other in a JSON value."""
    levels, level = 0, [value]
    while level := [item for item in level if isinstance(item, (list, dict))]:
        levels += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return levels


def _ordering(values: Sequence[Any]) -> pa.Array:
    if set(map(type, values)) - {type(None)} == {int, float}:
        values = [None if value is None else float(value) for value in values]
    return column(values)


def _screen(parsed: Parsed, layout: Layout) -> Parsed:
    """Take out the rows that kept a block from being converted."""
    values, kept, rejected = [], [], list(parsed.rejected)
    for record, row in zip(parsed.values, parsed.rows.tolist(), strict=True):
        found = _unsuitable(record, layout)
        if found is None:
            values.append(record)
            kept.append(row)
        else:
            excerpt = json.dumps(record).encode()
            rejected.append(Rejected(row, *found, excerpt, _known_id(record, layout)))
    return Parsed(values, np.array(kept, np.int64), tuple(rejected))


def _unsuitable(record: dict[str, Any], layout: Layout) -> tuple[str, str] | None:
    identifier = None if layout.id is None else record.get(layout.id)
    text = record.get(layout.text)
    if identifier is not None and type(identifier) not in (str, int):
        return WRONG_TYPE, f"the id ({layout.id!r}) is {_word(identifier)}, not a string or an integer"
    if text is not None and type(text) is not str:
        return WRONG_TYPE, f"the text ({layout.text!r}) is {_word(text)}, not a string"
    for name in layout.wanted:
        if depth(record.get(name)) > DEEPEST:
            return WRONG_TYPE, f"{name!r} is nested deeper than {DEEPEST} levels"
        try:
            json.dumps(record.get(name), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            code = ord(error.object[error.start])
            return SURROGATE, f"{name!r} holds the lone surrogate U+{code:04X}, which is no character"
    return None


def _known_id(record: dict[str, Any], layout: Layout) -> str | None:
    identifier = None if layout.id is None else record.get(layout.id)
    if type(identifier) not in (str, int):
        return None
    return str(identifier).encode(errors="backslashreplace").decode()


def _word(value: Any) -> str:
    words = {dict: "an object", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return words.get(type(value), "null" if value is None else "a string")
