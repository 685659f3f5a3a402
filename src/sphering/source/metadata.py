"""The metadata of rows as canonical JSON: one object a row, keys sorted, nulls omitted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.errors import SourceError
from sphering.source.canonical import Unsupported, coarse, fragments
from sphering.source.digest import HASH
from sphering.source.reasons import INVALID_UTF8
from sphering.source.typed import is_string
from sphering.source.unsound import invalid_utf8

_FEW = 4  # rows to a distinct object: a digest here takes 1 µs, one in DuckDB 0.5


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
    members: dict[str, pa.Array] = {}
    for name in sorted(columns):
        column = _sound(name, columns[name], refused)
        try:
            values = fragments(column)
        except (Unsupported, pa.ArrowInvalid, ValueError, OverflowError) as error:
            raise _unsupported(name, column.type, error) from error
        members[json.dumps(name, ensure_ascii=False)] = values
    return Metadata(_objects(members, rows), refused)


def known_hashes(objects: pa.Array) -> pa.Array:
    """Return the SHA-256 of canonical JSON objects, (n,) binary of 32 bytes, where few are distinct; else nulls.

    A label is the same in most rows: hashed once a block it costs nothing beside the texts.
    """
    distinct = objects.dictionary_encode()
    if _FEW * len(distinct.dictionary) > len(objects):
        return pa.nulls(len(objects), HASH)
    hashes = [hashlib.sha256(value.encode()).digest() for value in distinct.dictionary.to_pylist()]
    return pa.array(hashes, HASH).take(distinct.indices)


def _objects(members: dict[str, pa.Array], rows: int) -> pa.Array:
    """Return an object a row, (rows,) string, of members by their names in JSON; nulls are left out."""
    if not members or any(values.null_count for values in members.values()):
        named = [pc.binary_join_element_wise(name, values, ":") for name, values in members.items()]
        return pc.binary_join_element_wise("{", _joined(named, rows), "}", "")
    parts: list[str | pa.Array] = []
    for name, values in members.items():
        parts += [f"{',' if parts else '{'}{name}:", values]
    return pc.binary_join_element_wise(*parts, "}", "")


def _joined(members: list[pa.Array], rows: int) -> pa.Array:
    """Return the members of each row, (rows,) string, with commas between those that are not null.

    Not by binary_join_element_wise(…, null_handling="skip"): pyarrow 26 drops the rows in which all are null.
    """
    inner = pa.repeat(pa.scalar(""), rows)
    for member in members:
        both = pc.and_(pc.greater(pc.binary_length(inner), 0), pc.is_valid(member))
        inner = pc.binary_join_element_wise(inner, pc.fill_null(member, ""), pc.if_else(both, ",", ""))
    return inner


def _sound(name: str, column: pa.Array, refused: dict[int, tuple[str, str]]) -> pa.Array:
    """Return a column without the strings that are no UTF-8, which are noted in `refused`."""
    if pa.types.is_dictionary(column.type) and is_string(column.type.value_type):
        column = column.dictionary_decode()
    if is_string(column.type):
        column = column.cast(pa.binary())
        bad = invalid_utf8(column)
    elif pa.types.is_nested(column.type):
        column = column.cast(coarse(column.type), safe=False)
        bad = _undecodable(column)
    else:
        return column
    for row in np.flatnonzero(bad):
        refused.setdefault(int(row), (INVALID_UTF8, f"the column {name!r} is no UTF-8"))
    if bad.any():
        column = pc.if_else(bad, pa.scalar(None, column.type), column)
    return column.cast(pa.string()) if pa.types.is_binary(column.type) else column


def _undecodable(column: pa.Array) -> NDArray[np.bool_]:
    """Return which values of a nested column hold a string that is no UTF-8, at any depth."""
    mask = np.zeros(len(column), bool)
    try:
        column.to_pylist()
    except UnicodeDecodeError:
        for row in range(len(column)):
            try:
                column[row].as_py()
            except UnicodeDecodeError:
                mask[row] = True
    return mask


def _unsupported(name: str, kind: pa.DataType, error: Exception) -> SourceError:
    return SourceError(
        f"the column {name!r} holds {kind}, which has no canonical JSON: {error}",
        expected="strings, numbers, booleans, times, binary, or lists and structs of them",
        where="[source] metadata or labels",
        remedy="leave the column out, or convert it in sql",
    )
