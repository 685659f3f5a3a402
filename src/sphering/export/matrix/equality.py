"""How many rows of a matrix on disk equal an earlier row, exactly."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from sphering.export.matrix.files import read_rows
from sphering.geometry.duplicates import row_hashes

_ROWS = 4096


def count_duplicates(path: Path) -> int:
    """Return how many rows of a float32 .npy file equal an earlier row.

    Hashes find the candidates; only those are compared in full. Memory: about 60 bytes a row.
    """
    vectors: Any = np.load(path, mmap_mode="r")
    n, d = vectors.shape
    hashes = np.concatenate([row_hashes(block) for block in read_rows(path, n, d, _ROWS)])
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    candidates = np.flatnonzero((hashes[order[1:]] == hashes[order[:-1]]).all(axis=1))
    count = 0
    for start in range(0, len(candidates), _ROWS):
        at = candidates[start : start + _ROWS]
        count += int(np.count_nonzero((vectors[order[at]] == vectors[order[at + 1]]).all(axis=1)))
        # Pages of a mapping count as this process' memory until they are given back: 1.5 GB of 1,000,000 equal vectors.
        vectors._mmap.madvise(mmap.MADV_DONTNEED)
    return count
