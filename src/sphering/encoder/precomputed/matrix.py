"""Vectors in a .npy file, whose texts stand row by row in another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.encoder.precomputed.texts import text_blocks
from sphering.errors import ModelError

BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class Header:
    """What a .npy file says of itself: rows, columns, the type of its numbers, and where they begin."""

    rows: int
    columns: int
    dtype: np.dtype[Any]
    offset: int


def read_header(path: Path) -> Header:
    """Return the header of a matrix.

    Raises
    ------
    ModelError
        If it is no whole matrix of floating-point numbers, row by row.
    """
    with path.open("rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_column, dtype = read(stream)
        except (ValueError, OSError) as error:
            raise _no_matrix(path, f"it cannot be read: {error}") from error
        offset = stream.tell()
    if len(shape) != 2 or 0 in shape or dtype.kind != "f" or dtype.itemsize > 8:
        raise _no_matrix(path, f"it is an array of shape {shape} and type {dtype}")
    if by_column and min(shape) > 1:
        raise _no_matrix(path, "its numbers stand column by column (Fortran order)")
    header = Header(shape[0], shape[1], dtype, offset)
    if path.stat().st_size != offset + shape[0] * shape[1] * dtype.itemsize:
        raise _no_matrix(path, f"it has {path.stat().st_size} bytes, which are not those of {shape[0]} rows")
    return header


def read_matrix(path: Path, texts: Path, column: str) -> Iterator[tuple[pa.Array, NDArray[np.float32]]]:
    """Yield texts, (n,) string, with their vectors, (n, d) float32, in the order of the files.

    Raises
    ------
    ModelError
        If the files have not as many rows as one another, or cannot be read.
    """
    header = read_header(path)
    at_once = max(1, BLOCK_BYTES // (header.columns * header.dtype.itemsize))
    row = 0
    with path.open("rb") as stream:
        stream.seek(header.offset)
        for block in text_blocks(texts, column):
            for start in range(0, len(block), at_once):
                part = block.slice(start, at_once)
                row += len(part)
                if row <= header.rows:
                    yield part, _read_rows(stream, len(part), header)
    if row != header.rows:
        raise ModelError(
            f"there are {row} texts and {header.rows} vectors",
            expected="one text for each row of the matrix, in its order",
            where=f"{texts} and {path}",
            remedy="write both from one table",
        )


def _read_rows(stream: Any, rows: int, header: Header) -> NDArray[np.float32]:
    values = np.fromfile(stream, header.dtype, rows * header.columns)
    with np.errstate(over="ignore"):  # too large for float32 is infinite, which is quarantined
        return values.astype(np.float32).reshape(rows, header.columns)


def _no_matrix(path: Path, what: str) -> ModelError:
    return ModelError(
        f"this is no matrix of vectors: {what}",
        expected="a .npy file of float16, float32 or float64, one vector a row",
        where=str(path),
        remedy="write it with numpy.save(path, numpy.ascontiguousarray(vectors))",
    )
