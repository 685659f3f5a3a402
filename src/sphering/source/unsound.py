"""Which values of a column of bytes cannot be text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def invalid_utf8(values: pa.Array) -> NDArray[np.bool_]:
    """Return which values, (n,) binary, are no UTF-8 (RFC 3629: no surrogates, nothing over-long); nulls are fine.

    A sound column costs one pass at memory speed; only one that is not is looked at value by value.
    """
    mask = np.zeros(len(values), bool)
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        mask[:] = [value is not None and not _is_utf8(value) for value in values.to_pylist()]
    return mask


def has_nul(values: pa.Array) -> NDArray[np.bool_]:
    """Return which values, (n,) binary, hold a NUL byte.

    A column without one costs one pass at memory speed.
    """
    if _smallest_byte(values):
        return np.zeros(len(values), bool)
    return true_rows(pc.match_substring(values, pattern="\0"))


def true_rows(mask: Any) -> NDArray[np.bool_]:
    """Return an Arrow mask, (n,) bool, as NumPy; null is false."""
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False), bool)


def _smallest_byte(values: pa.Array) -> int:
    """Return the smallest byte of all values, (n,) binary, nulls included; 0 where there is none."""
    _, ends, data = values.buffers()
    if not len(values) or data is None:
        return 0
    first, last = np.frombuffer(ends, np.int32)[[values.offset, values.offset + len(values)]]
    return int(np.frombuffer(data, np.uint8)[first:last].min(initial=255))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
