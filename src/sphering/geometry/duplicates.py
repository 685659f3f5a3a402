"""Rows that are equal: duplicates, and different texts that an encoder cannot tell apart.

Rows are grouped by two 64-bit multilinear hashes and, where they are at hand, then compared in full, without a loop
over rows.
"""

from __future__ import annotations

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
    first, second = _hashes(words).T
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


def indistinct_texts(vectors: NDArray[np.uint64], texts: NDArray[np.uint64]) -> int:
    """Return how many distinct texts have the same vector as another text.

    Memory: about 60 bytes a row beside the arguments.

    Parameters
    ----------
    vectors : ndarray, shape (n, 2), uint64
        `row_hashes` of the vectors.
    texts : ndarray, shape (n,), uint64
        64 bits of a cryptographic hash of the texts, which may repeat.

    Raises
    ------
    InputError
        If there are not as many texts as vectors.
    """
    order = vector_order(vectors, texts)
    return indistinct_in_order(vectors[order], texts[order])


def vector_order(vectors: NDArray[np.uint64], texts: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the order, (n,) int64, of rows by their vector and then their text: equal ones become neighbours.

    Raises
    ------
    InputError
        If there are not as many texts as vectors.
    """
    if len(texts) != len(vectors):
        raise InputError(f"{len(texts)} text hashes for {len(vectors)} vectors", expected="one each")
    return np.lexsort((texts, vectors[:, 1], vectors[:, 0]))


def indistinct_in_order(vectors: NDArray[np.uint64], texts: NDArray[np.uint64]) -> int:
    """Return what `indistinct_texts` does, for rows in the order of `vector_order`, or some of them in it."""
    if not len(vectors):
        return 0
    first = np.ones(len(vectors), dtype=bool)  # of its vector
    first[1:] = (vectors[1:] != vectors[:-1]).any(axis=1)
    fresh = first.copy()  # a text that this vector did not have yet
    fresh[1:] |= texts[1:] != texts[:-1]
    sizes = np.bincount(np.cumsum(first)[fresh])
    return int(sizes[sizes > 1].sum())


def row_hashes(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return two 64-bit hashes of each row: Σ word · odd random number, modulo 2^64, over its 32-bit words.

    Equal rows have equal hashes. Two different ones agree in both with a probability of 2^-64 at most (multilinear
    hashing; Lemire & Kaser 2014), and of 2^-128 unless all their differences are in the words' high bits.

    Parameters
    ----------
    rows : ndarray, shape (n, w)
        Any fixed-width type; −0.0 counts as 0.0.

    Returns
    -------
    ndarray, shape (n, 2), uint64
    """
    return _hashes(_words(rows))


def _words(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the rows as bytes, with −0.0 made 0.0."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        plain = rows + rows.dtype.type(0) if rows.dtype.kind == "f" else rows
    plain = np.ascontiguousarray(plain)
    width = plain.dtype.itemsize * plain.shape[1]
    return plain.view(np.uint8).reshape(len(plain), width) if len(plain) else np.empty((0, width), np.uint8)


def _hashes(words: NDArray[np.uint8]) -> NDArray[np.uint64]:
    width = -(-words.shape[1] // 4) * 4
    generator = np.random.default_rng(0x5EED)
    keys = generator.integers(0, 2**63, size=(width // 4, 2), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    result = np.empty((len(words), 2), dtype=np.uint64)
    for start in range(0, len(words), _ROWS):
        part = words[start : start + _ROWS]
        padded = part
        if words.shape[1] != width:
            padded = np.zeros((len(part), width), dtype=np.uint8)
            padded[:, : part.shape[1]] = part
        result[start : start + len(part)] = padded.view(np.uint32).astype(np.uint64) @ keys
    return result


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
