"""Where one unit of work ends and the next begins."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

UNIT_BYTES = 64 << 20
_ROWS_A_TEXT = 16


class UnitCut:
    """Cuts a stream of rows in text-hash order into units of whole texts.

    A unit is full with `unit_rows` distinct texts, 64 MB of texts and metadata or 16 rows for each of `unit_rows`:
    each is held in memory while a unit is worked. The text that fills a unit is still in it, with all of its rows. So
    what is not bounded are the rows of a single text, which stay together for the text to be encoded once.

    Parameters
    ----------
    unit_rows : int
        Most distinct texts of a unit.
    """

    def __init__(self, unit_rows: int) -> None:
        self._most = np.array([unit_rows, _ROWS_A_TEXT * unit_rows, UNIT_BYTES], np.int64)
        self._held = np.zeros(3, np.int64)  # texts, rows and bytes of the open unit
        self._open = 0
        self._last: bytes | None = None

    @property
    def count(self) -> int:
        """The units so far."""
        return 0 if self._last is None else self._open + 1

    def at_most(self, texts: int, rows: int, size: int) -> int:
        """Return a bound on the units that so many texts and rows of `size` bytes are cut into."""
        return 1 + int(np.sum(np.array([texts, rows, size]) // self._most))

    def take(self, hashes: pa.FixedSizeBinaryArray, weights: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the unit of each of the next rows.

        Parameters
        ----------
        hashes : pyarrow.FixedSizeBinaryArray
            The text hashes, (n,), ascending from call to call.
        weights : (n,) int64
            The bytes of each row.
        """
        starts = _text_starts(hashes, self._last)
        # What the rows before each row come to, and all of them at the end, counted from where the open unit began.
        sums = np.vstack([np.cumsum(starts), np.arange(1, len(hashes) + 1), np.cumsum(weights)])
        sums = self._held[:, None] + np.pad(sums, ((0, 0), (1, 0)))
        places = np.flatnonzero(starts)
        begun = self._boundaries(sums, places)
        if len(hashes):
            self._held = sums[:, -1] - (sums[:, begun[-1]] if len(begun) else 0)
            self._last = hashes[-1].as_py()
        units = self._open + np.searchsorted(begun, np.arange(len(hashes)), side="right")
        self._open += len(begun)
        return units

    def _boundaries(self, sums: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that begin a unit: the first of a text that finds the open unit full."""
        found: list[int] = []
        before = sums[:, places]
        full = self._most
        while len(places):
            at = min(int(np.searchsorted(row, bound)) for row, bound in zip(before, full, strict=True))
            if at == len(places):
                break
            found.append(int(places[at]))
            full = before[:, at] + self._most
        return np.array(found, np.int64)


def _text_starts(hashes: pa.FixedSizeBinaryArray, last: bytes | None) -> NDArray[np.bool_]:
    """Return, for each row, whether its text differs from the row before; `last` is that before the first."""
    starts = np.ones(len(hashes), dtype=bool)
    starts[1:] = pc.not_equal(hashes[1:], hashes[:-1]).to_numpy(zero_copy_only=False)
    if len(hashes) and last is not None:
        starts[0] = hashes[0].as_py() != last
    return starts
