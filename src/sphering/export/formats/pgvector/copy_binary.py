"""PostgreSQL's binary COPY format: a header, rows of fields with their lengths, a trailer; all numbers big-endian.

Rows are put together by Arrow from whole columns. https://www.postgresql.org/docs/18/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.formats.joined import bytes_of, joined, of_one_width

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_JSONB_VERSION = b"\x01"
_READ_BYTES = 32 * 2**20
_LONGEST_ROW = 2**30  # https://www.postgresql.org/docs/18/limits.html, "field size"
_COUNT, _LENGTH = Struct(">h"), Struct(">i")
_HEX = np.zeros(256, dtype=np.uint8)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_DIGITS = np.array([place for place in range(36) if place not in (8, 13, 18, 23)])


def write_rows(path: Path, blocks: Iterable[Sequence[pa.Array]]) -> None:
    """Write a COPY file.

    Parameters
    ----------
    path : Path
    blocks : iterable of sequences of pyarrow.Array
        The fields of some rows, a column each, as PostgreSQL's binary input takes them.
    """
    with path.open("wb") as target:
        target.write(HEADER)
        for columns in blocks:
            target.write(bytes_of(_rows(columns)))
        target.write(TRAILER)


def text_field(values: pa.Array) -> pa.Array:
    """Return strings as fields of the type text."""
    return values.cast(pa.large_binary())


def jsonb_field(values: pa.Array) -> pa.Array:
    """Return JSON texts as fields of the type jsonb."""
    return joined(_JSONB_VERSION, values)


def uuid_field(values: pa.Array) -> pa.Array:
    """Return UUIDs in their form of 36 characters as fields of the type uuid."""
    data = np.frombuffer(bytes_of(text_field(values)), dtype=np.uint8).reshape(-1, 36)
    digits = _HEX[data[:, _DIGITS]]
    return of_one_width((digits[:, ::2] << 4 | digits[:, 1::2]).astype(np.uint8))


def vector_field(values: NDArray[np.generic]) -> pa.Array:
    """Return (m, d) float32 or float16 vectors as fields of the types vector and halfvec."""
    rows = np.empty(len(values), dtype=_vector_type(values.dtype, values.shape[1]))
    rows["dimension"], rows["unused"], rows["values"] = values.shape[1], 0, values
    return of_one_width(rows.view(np.uint8).reshape(len(values), -1))


def read_rows(path: Path, fields: int) -> Iterator[list[pa.Array]]:
    """Yield the fields of a COPY file, a column of large_binary each, in blocks of about 32 MB.

    A row is found by the lengths of all before it, so that they are walked one by one: half a second a million.

    Raises
    ------
    IntegrityError
        If it is no such file, or a row has another number of fields.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(HEADER)) != HEADER:
                raise _damaged(path, "it does not begin as such a file does")
            rest = b""
            while len(rest) <= _LONGEST_ROW:
                more = stream.read(_READ_BYTES)
                data = rest + more
                bounds, end, finished = _walk(data, fields, path)
                if len(bounds):
                    yield [_column(data, bounds[:, field]) for field in range(fields)]
                rest = data[end:]
                if finished:
                    break
                if not more:
                    raise _damaged(path, "it ends within a row")
            else:
                raise _damaged(path, "a row is longer than PostgreSQL's may be")
            if rest or stream.read(1):
                raise _damaged(path, "there is something behind its end")
    except OSError as error:
        raise _damaged(path, str(error)) from error


def texts_of(column: pa.Array, path: Path) -> pa.Array:
    """Return fields of the type text as strings.

    Raises
    ------
    IntegrityError
        If they are no UTF-8.
    """
    try:
        return column.cast(pa.large_string()).cast(pa.string())
    except pa.ArrowException as error:
        raise _damaged(path, str(error)) from error


def vectors_of(column: pa.Array, path: Path) -> NDArray[np.float32]:
    """Return fields of the type vector or halfvec, which their lengths tell apart, as (m, d) float32.

    Raises
    ------
    IntegrityError
        If they are no vectors of one type and dimension.
    """
    data = bytes_of(column)
    lengths = pc.binary_length(column).to_numpy()
    dimension = _COUNT.unpack_from(data)[0] if lengths[0] > _COUNT.size else 0
    rows = [_vector_type(number, dimension) for number in (np.float32, np.float16) if dimension > 0]
    row = next((row for row in rows if (lengths == row.itemsize).all()), None)
    if row is None:
        raise _damaged(path, "a vector has another length than the first one's dimension says")
    found = np.frombuffer(data, dtype=row)
    if not (found["dimension"] == dimension).all():
        raise _damaged(path, "its vectors have different dimensions")
    return np.ascontiguousarray(found["values"], dtype=np.float32)


def _rows(columns: Sequence[pa.Array]) -> pa.Array:
    parts: list[Any] = [_COUNT.pack(len(columns))]
    for column in columns:
        lengths = pc.binary_length(column).to_numpy().astype(">i4")
        parts += [of_one_width(lengths.view(np.uint8).reshape(-1, 4)), column]
    return joined(*parts)


def _vector_type(dtype: Any, dimension: int) -> np.dtype[Any]:
    number = np.dtype(dtype).newbyteorder(">")
    return np.dtype([("dimension", ">i2"), ("unused", ">i2"), ("values", number, (dimension,))])


def _walk(data: bytes, fields: int, path: Path) -> tuple[NDArray[np.int64], int, bool]:
    """Return where the fields of all whole rows begin and end, (m, fields, 2); where these end; if the trailer came."""
    bounds: list[int] = []
    row: list[int] = []
    start, size = 0, len(data)
    while start + _COUNT.size <= size:
        count = _COUNT.unpack_from(data, start)[0]
        if count == -1:
            return _shaped(bounds, fields), start + _COUNT.size, True
        if count != fields:
            raise _damaged(path, f"a row has {count} fields, expected {fields}")
        at = start + _COUNT.size
        row.clear()
        for _ in range(fields):
            if at + _LENGTH.size > size:
                return _shaped(bounds, fields), start, False
            length = _LENGTH.unpack_from(data, at)[0]
            if length < 0:
                raise _damaged(path, "a field is NULL")
            at += _LENGTH.size + length
            row += (at - length, at)
        if at > size:
            break
        bounds += row
        start = at
    return _shaped(bounds, fields), start, False


def _shaped(bounds: list[int], fields: int) -> NDArray[np.int64]:
    return np.array(bounds, dtype=np.int64).reshape(-1, fields, 2)


def _column(data: bytes, bounds: NDArray[np.int64]) -> pa.Array:
    """Return what lies between (m, 2) bounds: of the values between all bounds every second one."""
    offsets = np.ascontiguousarray(bounds).ravel()
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    between = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
    return between.take(pa.array(np.arange(0, len(offsets), 2)))


def _damaged(path: Path, reason: str) -> IntegrityError:
    return IntegrityError(
        f"this file cannot be read: {reason}", expected="a file of PostgreSQL's binary COPY", where=str(path)
    )
