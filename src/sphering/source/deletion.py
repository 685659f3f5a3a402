"""What a row of an upsert says: remove its id, or take its text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# True, 1, 1.0 and Decimal(1) are one key of a dictionary.
_MEANINGS: Final[dict[Any, bool]] = {
    True: True,
    b"true": True,
    b"1": True,
    b"yes": True,
    False: False,
    b"false": False,
    b"0": False,
    b"no": False,
}


@dataclass(frozen=True)
class Deletions:
    """Which rows, (n,) bool, remove their id, and of which it cannot be told."""

    deleted: NDArray[np.bool_]
    unclear: NDArray[np.bool_]


def deletions(values: pa.Array | None, rows: int) -> Deletions:
    """Return what the column that `deleted` names says of each row.

    Parameters
    ----------
    values : (rows,) pyarrow.Array or None
        Booleans, numbers, strings or bytes, or arrow.json where they are mixed. Null says no, as a missing column does.
    rows : int
        The number of rows.
    """
    if values is None:
        return Deletions(np.zeros(rows, bool), np.zeros(rows, bool))
    distinct, codes = _distinct(values)
    meanings = [_meaning(value) for value in distinct]
    # The last entry is what a null has: its code is -1.
    deleted = np.array([*(meaning is True for meaning in meanings), False])
    unclear = np.array([*(meaning is None for meaning in meanings), False])
    return Deletions(deleted[codes], unclear[codes])


def tells_deletion(kind: pa.DataType) -> bool:
    """Return whether values of a type may say yes or no."""
    if pa.types.is_dictionary(kind):
        return tells_deletion(kind.value_type)
    types = pa.types
    plain = (types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_decimal)
    return any(test(kind) for test in plain) or _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    strings = (types.is_string, types.is_large_string, types.is_string_view)
    binary = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(test(kind) for test in (*strings, *binary))


def _distinct(values: pa.Array) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the distinct values, and which of them each row has; -1 is null."""
    if isinstance(values, pa.ExtensionArray):
        texts, codes = _distinct(values.storage)
        return [json.loads(text) for text in texts], codes
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        return [], np.full(len(values), -1, np.int64)
    if _is_bytes(values.type):
        values = values.cast(pa.binary())
    encoded = values.dictionary_encode()
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return encoded.dictionary.to_pylist(), codes


def _meaning(value: Any) -> bool | None:
    if isinstance(value, list | dict):
        return None
    if isinstance(value, str):
        value = value.encode(errors="surrogatepass")
    return _MEANINGS.get(value.lower() if isinstance(value, bytes) else value)
