"""Different texts with exactly the same vector, counted over every text of a snapshot and of each label."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.duplicates import indistinct_in_order, vector_order
from sphering.geometry.estimate import exact
from sphering.report.counted import Counted
from sphering.report.measured import Json, number, share_of


class EqualVectors:
    """Counts texts that share their vector, bit for bit, with a different text.

    Sorted once; memory is about 60 bytes a document beside what was counted.

    Parameters
    ----------
    counted : Counted
    """

    def __init__(self, counted: Counted) -> None:
        self._order = vector_order(counted.vectors, counted.texts)
        self._counted = counted

    def metrics(self, texts: int) -> dict[str, Json]:
        """Return how many documents repeat a vector, and how many of `texts` distinct texts share theirs."""
        vectors, hashes = self._counted.vectors[self._order], self._counted.texts[self._order]
        repeated = int((vectors[1:] == vectors[:-1]).all(axis=1).sum())
        return {
            "duplicate_vectors": number(exact(repeated, len(vectors)), "documents"),
            **equal_vector_numbers(indistinct_in_order(vectors, hashes), texts),
        }

    def by_line(self, column: str) -> list[tuple[int, int]]:
        """Return, for each line of a column, how many distinct texts it has, and how many share a vector within it."""
        lines = self._counted.lines[column][self._order]
        grouped = np.argsort(lines, kind="stable")
        count = len(self._counted.tallies[column])
        edges = np.searchsorted(lines[grouped], np.arange(count + 1))
        return [self._of(self._order[grouped[low:high]]) for low, high in pairwise(edges)]

    def _of(self, rows: NDArray[np.int64]) -> tuple[int, int]:
        vectors, texts = self._counted.vectors[rows], self._counted.texts[rows]
        return len(np.unique(texts)), indistinct_in_order(vectors, texts)


def equal_vector_numbers(equal: int, texts: int) -> dict[str, Json]:
    """Return a number of texts that share a vector as the two metrics that say so."""
    return {
        "equal_vector_texts": number(exact(equal, texts), "texts"),
        "equal_vector_texts_share": number(share_of(equal, texts, "no text"), "texts"),
    }
