"""Rows that are equal: duplicates, and different texts that an encoder cannot tell apart.

Rows are grouped by two 64-bit multilinear hashes and then compared in full, so the answer is exact, without a loop
over rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError

_ROWS = 4096


def equal_rows(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return, for each row, the index of the first row that is equal to it (its own where it is the first).

    Parameters
    ----------
    rows : ndarray, shape (n, w)
        Any fixed-width type; floats compare by value (−0.0 equals 0.0), NaN by bits.
    """
    words = _words(rows)
    if not len(words):
        return np.empty(0, dtype=np.int64)
    first, second = _hashes(words)
    order = np.lexsort((np.arange(len(words)), second, first))
    alike = _same_as_previous(words, first, second, order)
    starts = np.where(alike, 0, np.arange(len(order)))
    leaders = order[np.maximum.accumulate(starts)]
    result = np.empty(len(words), dtype=np.int64)
    result[order] = leaders
    return result


def distinct_rows(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return the indices of the first of each group of equal rows, ascending."""
    return np.flatnonzero(equal_rows(rows) == np.arange(len(rows))).astype(np.int64)


def duplicate_rows(vectors: NDArray[Any]) -> int:
    """Return how many rows are equal to an earlier row."""
    return len(vectors) - len(distinct_rows(vectors))


def indistinct_texts(vectors: NDArray[Any], text_hashes: Sequence[bytes] | NDArray[Any]) -> int:
    """Return how many distinct texts have the same vector as another text.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
    text_hashes : sequence of n equally long bytes, or ndarray of shape (n, w)
        One hash a vector; equal hashes are the same text.
    """
    hashes = _byte_rows(text_hashes)
    if len(hashes) != len(vectors):
        raise InputError(f"{len(hashes)} text hashes for {len(vectors)} vectors", expected="one each")
    texts = distinct_rows(hashes)
    groups = equal_rows(np.asarray(vectors)[texts])
    sizes = np.bincount(groups, minlength=len(texts))
    return int(sizes[sizes > 1].sum())


def _byte_rows(hashes: Sequence[bytes] | NDArray[Any]) -> NDArray[Any]:
    if isinstance(hashes, np.ndarray) and hashes.ndim == 2:
        return hashes
    parts = list(hashes)
    if not parts:
        return np.empty((0, 1), dtype=np.uint8)
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(len(parts), -1)


def _words(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the rows as bytes, with −0.0 made 0.0."""
    plain = rows + rows.dtype.type(0) if rows.dtype.kind == "f" else rows
    plain = np.ascontiguousarray(plain)
    width = plain.dtype.itemsize * plain.shape[1]
    return plain.view(np.uint8).reshape(len(plain), width) if len(plain) else np.empty((0, width), np.uint8)


def _hashes(words: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return two multilinear hashes of each row: Σ word · odd random number, modulo 2^64."""
    width = -(-words.shape[1] // 4) * 4
    generator = np.random.default_rng(0x5EED)
    keys = generator.integers(0, 2**63, size=(2, width // 4), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    result = np.empty((2, len(words)), dtype=np.uint64)
    for start in range(0, len(words), _ROWS):
        part = words[start : start + _ROWS]
        padded = np.zeros((len(part), width), dtype=np.uint8)
        padded[:, : part.shape[1]] = part
        numbers = padded.view(np.uint32).astype(np.uint64)
        for index in range(2):
            result[index, start : start + len(part)] = (numbers * keys[index]).sum(axis=1, dtype=np.uint64)
    return result[0], result[1]


def _same_as_previous(
    words: NDArray[np.uint8], first: NDArray[np.uint64], second: NDArray[np.uint64], order: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return, in hash order, whether each row equals the row before it, compared in full where the hashes agree."""
    alike = np.zeros(len(order), dtype=bool)
    alike[1:] = (first[order[1:]] == first[order[:-1]]) & (second[order[1:]] == second[order[:-1]])
    candidates = np.flatnonzero(alike)
    for start in range(0, len(candidates), _ROWS):
        at = candidates[start : start + _ROWS]
        alike[at] = (words[order[at]] == words[order[at - 1]]).all(axis=1)
    return alike
