"""Which texts go into one request."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cut(sizes: NDArray[np.int64], most_texts: int, most_size: int) -> list[NDArray[np.int64]]:
    """Return the positions of the texts of each batch, longest first, so that a server pads little.

    Parameters
    ----------
    sizes : (n,) int64
        Of each text, in tokens or an upper bound of them.
    most_texts, most_size : int
        What a batch does not exceed; a text that is larger alone has a batch of its own.
    """
    order = np.argsort(-sizes, kind="stable")
    ends = np.cumsum(sizes[order])
    batches, start = [], 0
    while start < len(order):
        before = ends[start - 1] if start else 0
        fitting = int(np.searchsorted(ends, before + most_size, side="right"))
        stop = min(max(fitting, start + 1), start + most_texts)
        batches.append(order[start:stop])
        start = stop
    return batches


def byte_lengths(texts: list[str]) -> NDArray[np.int64]:
    """Return the UTF-8 bytes of each text, (n,) int64: no common tokenizer makes more tokens than there are bytes."""
    return np.fromiter((len(text.encode()) for text in texts), np.int64, len(texts))
