"""Unit vectors in fewer bits: how each number is stored, and what it is when it is read again.

Of an int8 vector only the numbers of a scale tell how long they are: scores of `scale = "vector"` are to be multiplied
by the row's scale; of `scale = "dimension"` the query is, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT32, FLOAT16, BFLOAT16, INT8, BINARY = "float32", "float16", "bfloat16", "int8", "binary"
BY_VECTOR, BY_DIMENSION = "vector", "dimension"
_LARGEST = 127.0
DTYPES = (FLOAT32, FLOAT16, BFLOAT16, INT8, BINARY)
_STORED = {FLOAT32: "<f4", FLOAT16: "<f2", BFLOAT16: "<u2", INT8: "i1", BINARY: "u1"}


@dataclass(frozen=True)
class Stored:
    """Vectors as they are stored: (m, w) in the code's own type, and for int8 the scale of each row, (m,) float32."""

    values: NDArray[np.generic]
    scales: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Code:
    """How numbers are stored.

    Parameters
    ----------
    dtype : str
        float32, float16, bfloat16, int8 or binary.
    scale : str, optional
        int8: `vector` or `dimension`.
    scales : ndarray, shape (d,), float32, optional
        int8 by dimension: what 1 stands for in each of them; see `fit`.
    """

    dtype: str = FLOAT32
    scale: str | None = None
    scales: NDArray[np.float32] | None = None

    @property
    def exact(self) -> bool:
        """Whether every number is kept as it is."""
        return self.dtype == FLOAT32

    @property
    def stored_type(self) -> np.dtype[Any]:
        """The type of what is stored."""
        return np.dtype(_STORED[self.dtype])

    def width(self, dimension: int) -> int:
        """Return how many of them a vector takes."""
        return -(-dimension // 8) if self.dtype == BINARY else dimension

    def encode(self, unit: NDArray[np.float32]) -> Stored:
        """Return (m, d) float32 unit vectors as they are stored.

        bfloat16 is stored as the upper 16 bits of a float32, rounded to nearest, ties to even.
        """
        if self.dtype == FLOAT16:
            return Stored(unit.astype(np.float16))
        if self.dtype == BFLOAT16:
            bits = np.ascontiguousarray(unit, np.float32).view(np.uint32)
            return Stored(((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16))
        if self.dtype == BINARY:
            return Stored(np.packbits(unit > 0, axis=1))
        if self.dtype == INT8:
            return self._integers(unit)
        return Stored(unit)

    def decode(self, stored: Stored, dimension: int) -> NDArray[np.float32]:
        """Return what stored vectors stand for, (m, dimension) float32; a sign stands for ±1/√dimension."""
        if self.dtype == BFLOAT16:
            return (stored.values.astype(np.uint32) << 16).view(np.float32)
        if self.dtype == BINARY:
            bits = np.unpackbits(stored.values.view(np.uint8), axis=1, count=dimension)
            return np.where(bits, np.float32(dimension**-0.5), np.float32(-(dimension**-0.5)))
        values = stored.values.astype(np.float32)
        if self.dtype != INT8:
            return values
        factors = stored.scales[:, None] if stored.scales is not None else np.asarray(self.scales)
        return values * factors

    def query(self, unit: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return queries as they meet the stored vectors: signs meet signs, all others stay in float32."""
        return self.decode(self.encode(unit), unit.shape[1]) if self.dtype == BINARY else unit

    def _integers(self, unit: NDArray[np.float32]) -> Stored:
        if self.scale == BY_DIMENSION:
            return Stored(_rounded(unit, np.asarray(self.scales)))
        scales = np.max(np.abs(unit), axis=1, initial=0.0) / np.float32(_LARGEST)
        return Stored(_rounded(unit, scales[:, None]), scales)


def fit(dtype: str, scale: str | None, blocks: Iterable[NDArray[np.float32]]) -> Code:
    """Return the code of an export; int8 by dimension reads all vectors once for the largest number of each.

    Parameters
    ----------
    dtype : str
    scale : str, optional
        int8 alone; by default `vector`.
    blocks : iterable of ndarray, shape (m, d), float32
        Read only where it is needed.
    """
    if dtype != INT8:
        return Code(dtype)
    if scale != BY_DIMENSION:
        return Code(INT8, BY_VECTOR)
    largest: NDArray[np.float32] | None = None
    for block in blocks:
        found = np.max(np.abs(block), axis=0)
        largest = found if largest is None else np.maximum(largest, found)
    return Code(INT8, BY_DIMENSION, np.asarray(largest, np.float32) / np.float32(_LARGEST))


def _rounded(unit: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.int8]:
    quotient = np.divide(unit, scales, out=np.zeros_like(unit), where=scales > 0)
    return np.clip(np.rint(quotient), -_LARGEST, _LARGEST).astype(np.int8)
