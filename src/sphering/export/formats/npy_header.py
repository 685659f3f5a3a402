"""The header of a .npy file of version 1.0: written, and read without trust in what it says."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from sphering.errors import IntegrityError


def write_npy_header(target: BinaryIO, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
    """Write the header of an array in C order."""
    header = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(target, header)


def read_npy_header(path: Path) -> tuple[tuple[int, int], np.dtype[Any], int]:
    """Return shape, type and the byte that the rows begin at.

    Raises
    ------
    IntegrityError
        If it cannot be read, is of no matrix in C order, or the file has another size than it says.
    """
    try:
        with path.open("rb") as source:
            npy_format.read_magic(source)
            shape, fortran, dtype = npy_format.read_array_header_1_0(source)
            offset = source.tell()
    except (OSError, ValueError, TokenError) as error:
        raise IntegrityError(f"this file cannot be read: {error}", expected="a .npy file", where=str(path)) from error
    if len(shape) != 2 or fortran or min(shape) < 0:
        raise IntegrityError(f"an array of shape {shape}", expected="(n, d) in C order", where=str(path))
    size, expected = path.stat().st_size, offset + shape[0] * shape[1] * dtype.itemsize
    if size != expected:
        raise IntegrityError(f"{size} bytes for {shape} {dtype}", expected=f"{expected} bytes", where=str(path))
    return (shape[0], shape[1]), dtype, offset
