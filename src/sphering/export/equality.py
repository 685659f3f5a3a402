"""How many rows of a matrix on disk equal an earlier row, exactly, with 16 bytes a row in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sphering.export.matrix import read_rows
from sphering.geometry.duplicates import duplicate_rows

_ROWS = 4096


def count_duplicates(path: Path) -> int:
    """Return how many rows of a float32 .npy file equal an earlier row.

    Two multilinear hashes find the candidates; only those are compared in full.
    """
    vectors = np.load(path, mmap_mode="r")
    n, d = vectors.shape
    hashes = np.concatenate([_hash_pairs(block) for block in read_rows(path, n, d, _ROWS)])
    _, group, sizes = np.unique(hashes.view("u8,u8").reshape(-1), return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(sizes[group] > 1)
    return duplicate_rows(vectors[candidates]) if len(candidates) else 0


def _hash_pairs(block: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return (m, 2) hashes Σ word · odd random number modulo 2^64; −0.0 counts as 0.0."""
    words = np.ascontiguousarray(block + np.float32(0)).view(np.uint32).astype(np.uint64)
    keys = np.random.default_rng(0).integers(0, 2**63, size=(words.shape[1], 2), dtype=np.uint64)
    return words @ (keys * np.uint64(2) + np.uint64(1))
