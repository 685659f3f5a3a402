"""Few texts of many, those with the smallest hashes: the same from night to night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.store.snapshot import Snapshot


@dataclass(frozen=True)
class ChosenTexts:
    """Some distinct texts, by a document of each, with what each counts for.

    Parameters
    ----------
    rows, weights : ndarray, shape (m,), int64
    whole : bool
        Whether no text was left out.
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.int64]
    whole: bool


def smallest_texts(
    hashes: NDArray[np.uint64], rows: NDArray[np.int64], weights: NDArray[Any], size: int
) -> ChosenTexts:
    """Return the up to `size` distinct texts with the smallest hashes among some documents.

    Parameters
    ----------
    hashes : ndarray, shape (n,), uint64
        64 bits of the hash of each document's text, for all documents.
    rows : ndarray, shape (m,), int64
        The documents to choose from.
    weights : ndarray, shape (m,)
        What the text of each of these counts for.
    """
    distinct, first = np.unique(hashes[rows], return_index=True)
    kept = first[:size]
    return ChosenTexts(rows[kept], weights[kept].astype(np.int64), len(distinct) <= size)


def read_texts(snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the texts of the documents at `rows`, (n,) in the order given, in one pass over the texts.

    Rows are counted in the order of `Snapshot.batches`.
    """
    texts = np.empty(len(rows), dtype=object)
    order = np.argsort(rows, kind="stable")
    wanted = rows[order]
    start = read = 0
    for batch in snapshot.batches(["text"]):
        if read == len(wanted):
            break
        stop = start + batch.num_rows
        low, read = np.searchsorted(wanted, [start, stop])
        texts[order[low:read]] = batch.column(0).take(wanted[low:read] - start).to_pylist()
        start = stop
    return texts
