"""Columns with a type (Parquet, SQL, CSV) to blocks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.errors import SourceError
from sphering.source.block import Block, Layout
from sphering.source.deletion import tells_deletion


def require_columns(names: Sequence[str], layout: Layout, where: str) -> None:
    """Raise SourceError unless every wanted column is there, once."""
    for name in layout.wanted:
        if name not in names:
            raise missing_column(name, names, layout, where)
        if list(names).count(name) > 1:
            raise SourceError(
                f"the column {name!r} is there {list(names).count(name)} times",
                expected="one column of that name",
                where=where,
                remedy="rename the others",
            )


def missing_column(name: str, names: Sequence[str], layout: Layout, where: str) -> SourceError:
    """Return the error that names the missing column, those there are, and the nearest."""
    roles = {layout.id: "id", layout.text: "text", layout.order: "order_by", layout.deleted: "deleted"}
    role = roles.get(name, "metadata or labels")
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return SourceError(
        f"there is no column {name!r}",
        expected="one of the columns " + ", ".join(map(repr, names)),
        where=where,
        remedy=f"set {role} under [source] to a column of the source{hint}",
    )


def typed_block(columns: Mapping[str, pa.Array], rows: NDArray[np.int64], layout: Layout, where: str) -> Block:
    """Return columns, each (n,), as a block.

    Raises
    ------
    SourceError
        If the text's column holds no strings, the id's neither strings nor integers, or that of `deleted` nothing
        that could say yes or no.
    """
    text = _text(columns[layout.text])
    identifier = None if layout.id is None else _identifier(columns[layout.id])
    if text is None:
        raise _wrong_type(layout.text, columns[layout.text].type, "strings", where)
    if identifier is None and layout.id is not None:
        raise _wrong_type(layout.id, columns[layout.id].type, "strings or integers", where)
    deleted = None if layout.deleted is None else columns[layout.deleted]
    if deleted is not None and layout.deleted is not None and not tells_deletion(deleted.type):
        raise _wrong_type(layout.deleted, deleted.type, "booleans, 0 and 1, or true, false, yes and no", where)
    return Block(
        rows=rows,
        text=text,
        id=identifier,
        metadata={name: columns[name] for name in layout.metadata},
        order=None if layout.order is None else columns[layout.order],
        deleted=deleted,
        names=frozenset(columns),
    )


def _text(array: pa.Array) -> pa.Array | None:
    """Return strings or bytes of whatever layout as binary; None for any other type."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _text(array.storage)
    if pa.types.is_dictionary(kind):
        return _text(array.dictionary_decode())
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.binary())
    if is_string(kind) or _is_binary(kind):
        return array.cast(pa.binary())
    return None


def is_string(kind: pa.DataType) -> bool:
    """Return whether a type holds strings, in whatever layout."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _identifier(array: pa.Array) -> pa.Array | None:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_integer(array.type) or _is_whole_decimal(array.type):
        return array.cast(pa.string()).cast(pa.binary())
    return _text(array)


def _is_whole_decimal(kind: pa.DataType) -> bool:
    """Return whether a type is how Arrow shows integers of over 64 bits (DuckDB's HUGEINT)."""
    return bool(pa.types.is_decimal(kind)) and kind.scale == 0


def _wrong_type(name: str, kind: pa.DataType, expected: str, where: str) -> SourceError:
    return SourceError(
        f"the column {name!r} holds {kind}",
        expected=expected,
        where=where,
        remedy=f'name another column, or convert it: sql = "SELECT … CAST({name} AS …) AS {name} FROM …"',
    )
