"""Rows on disk that are read here and there: a file without a name, which goes with its process however that ends."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sphering.errors import StorageError
from sphering.store.exhausted import is_disk_full

WINDOW_BYTES = 64 << 10


class Spill:
    """Rows of one type and width, appended once and then read by position.

    They lie in the system's temporary folder and are read, not mapped: the pages of a map count as this process'
    memory, and a file that was just written is mapped in pieces of megabytes, so that a few thousand rows here and
    there would be the whole file.

    Parameters
    ----------
    dtype : dtype
    width : int, optional
        Numbers a row; by default the rows are scalars.
    """

    def __init__(self, dtype: DTypeLike, width: int | None = None) -> None:
        self._dtype = np.dtype(dtype)
        self._shape = () if width is None else (width,)
        self._row_bytes = self._dtype.itemsize * (width or 1)
        self._file = tempfile.TemporaryFile(prefix="sphering-")  # noqa: SIM115 - lives as long as this object
        self._rows = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows, cast to the type of this file.

        Raises
        ------
        StorageError
            If the temporary folder has no room.
        """
        try:
            self._file.write(np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8).data)
            self._file.flush()
        except OSError as error:
            if not is_disk_full(error):
                raise
            raise StorageError(
                "no space is left for the encoder's vectors in the temporary folder",
                expected="4 bytes a component and row",
                where=tempfile.gettempdir(),
                remedy="set TMPDIR to a folder of a larger disk, then run again",
            ) from error
        self._rows += len(rows)

    def __len__(self) -> int:
        return self._rows

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows from `start` to before `stop`, or to the last one."""
        rows = max(0, min(stop, self._rows) - start)
        data = os.pread(self._file.fileno(), rows * self._row_bytes, start * self._row_bytes)
        return np.frombuffer(data, self._dtype).reshape(rows, *self._shape)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return some rows in the order asked for; several threads may.

        Cost: one read for each window of 64 KiB with a row in it, of the bytes between its first and its last.
        """
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        found = np.empty((len(rows), *self._shape), self._dtype)
        windows = ascending // max(1, WINDOW_BYTES // self._row_bytes)
        starts = np.flatnonzero(np.diff(windows, prepend=-1))
        for start, stop in zip(starts.tolist(), np.append(starts, len(rows))[1:].tolist(), strict=True):
            first = ascending[start]
            block = self.read(int(first), int(ascending[stop - 1]) + 1)
            found[order[start:stop]] = block[ascending[start:stop] - first]
        return found
