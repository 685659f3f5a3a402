"""Rows of bytes put together from whole columns by Arrow: nothing runs once a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_TYPE = pa.large_binary()


def joined(*parts: pa.Array | bytes) -> pa.Array:
    """Return what a row has in each part, one after the other, (m,) large_binary; bytes stand in every row."""
    columns: list[Any] = [pa.scalar(part, _TYPE) if isinstance(part, bytes) else part.cast(_TYPE) for part in parts]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", _TYPE))


def of_one_width(rows: NDArray[np.uint8]) -> pa.Array:
    """Return (m, w) bytes as (m,) large_binary values."""
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * rows.shape[1]
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.LargeBinaryArray.from_buffers(_TYPE, len(rows), [None, pa.py_buffer(offsets), data])


def bytes_of(values: pa.Array) -> memoryview:
    """Return the bytes of (m,) large_binary values, one after the other, without a copy."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
    start, end = offsets[values.offset], offsets[values.offset + len(values)]
    return memoryview(values.buffers()[2] or b"")[start:end]
