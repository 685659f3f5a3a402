"""The metadata of rows as canonical JSON: one object a row, keys sorted, nulls omitted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sphering.errors import SourceError
from sphering.source.canonical import Unsupported, fragments
from sphering.source.reasons import INVALID_UTF8, NUL
from sphering.source.typed import is_string
from sphering.source.unsound import has_nul, invalid_utf8

_BAD = ((INVALID_UTF8, invalid_utf8, "is no UTF-8"), (NUL, has_nul, "holds a NUL"))


@dataclass(frozen=True)
class Metadata:
    """The result of `canonical_metadata`.

    Parameters
    ----------
    json : (n,) string
        The objects.
    refused : dict of int to (reason, detail)
        The rows whose metadata cannot be text; their objects mean nothing.
    """

    json: pa.Array
    refused: dict[int, tuple[str, str]]


def canonical_metadata(columns: Mapping[str, pa.Array], rows: int) -> Metadata:
    """Return `columns`, each (rows,), as one canonical JSON object a row.

    Raises
    ------
    SourceError
        If a column has a type without a JSON form.
    """
    refused: dict[int, tuple[str, str]] = {}
    members = []
    for name in sorted(columns):
        column = _sound(name, columns[name], refused)
        try:
            values = fragments(column)
        except (Unsupported, pa.ArrowInvalid) as error:
            raise _unsupported(name, column.type, error) from error
        members.append(pc.binary_join_element_wise(json.dumps(name, ensure_ascii=False), values, ":"))
    if not members:
        return Metadata(pa.repeat(pa.scalar("{}"), rows), refused)
    inner = pc.binary_join_element_wise(*members, ",", null_handling="skip")
    return Metadata(pc.binary_join_element_wise("{", inner, "}", ""), refused)


def _sound(name: str, column: pa.Array, refused: dict[int, tuple[str, str]]) -> pa.Array:
    """Return strings without those that cannot be text, which are noted in `refused`; other types as they are."""
    if pa.types.is_dictionary(column.type) and is_string(column.type.value_type):
        column = column.dictionary_decode()
    if not is_string(column.type):
        return column
    values = column.cast(pa.binary())
    bad = np.zeros(len(values), bool)
    for reason, test, words in _BAD:
        mask = test(values)
        for row in np.flatnonzero(mask & ~bad):
            refused.setdefault(int(row), (reason, f"the column {name!r} {words}"))
        bad |= mask
    return pc.if_else(bad, None, values).cast(pa.string()) if bad.any() else values.cast(pa.string())


def _unsupported(name: str, kind: pa.DataType, error: Exception) -> SourceError:
    return SourceError(
        f"the column {name!r} holds {kind}, which has no canonical JSON: {error}",
        expected="strings, numbers, booleans, times, binary, or lists and structs of them",
        where="[source] metadata or labels",
        remedy="leave the column out, or convert it in sql",
    )
