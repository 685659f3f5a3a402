"""The index: SHA-256 of a text to its vector, built in one pass over the files and bounded memory, kept on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering import interruption
from sphering.config.encoder import PrecomputedConfig
from sphering.config.model import NormaliseConfig
from sphering.encoder.precomputed.files import VectorFiles
from sphering.encoder.precomputed.rows import text_vectors
from sphering.encoder.spill import Spill
from sphering.errors import ModelError, SourceChangedError
from sphering.sqltext import load
from sphering.store.database import Bounds, bounded_connection
from sphering.store.exhausted import exhaustion_errors
from sphering.text.normalise import normalise

HASH = np.dtype("S32")
"""NumPy orders such values by their bytes, as DuckDB orders binary ones."""
ENTRY = np.dtype([("hash", HASH), ("row", np.int64)])
MEMORY = "256MB"
_ROWS = 65_536
_ROWS_AT_ONCE = 4096
_PAIRS = 8192
_BLOCK = 128
"""Entries a block; the first hash of each is kept in memory, 0.25 bytes an entry."""


class Index:
    """The vectors of some files by the hashes of their texts, normalised as a run normalises them.

    Cost: one pass over texts and vectors and an external sort of 40 bytes a row; on disk 4 d + 40 bytes a row, in the
    temporary folder, for as long as the process lives.

    Parameters
    ----------
    files : VectorFiles
    config : PrecomputedConfig
    dimension : int

    Raises
    ------
    ModelError
        If a file cannot be read, or one text has two vectors.
    SourceChangedError
        If a file changed while it was read.
    StorageError
        If the temporary folder has no room.
    """

    def __init__(self, files: VectorFiles, config: PrecomputedConfig, dimension: int) -> None:
        self.state = files.state
        self._vectors = Spill(np.float32, dimension)
        self._entries = Spill(ENTRY)
        self._starts: list[tuple[int, Path]] = []
        with exhaustion_errors(Path(tempfile.gettempdir()), MEMORY), bounded_connection(Bounds(MEMORY)) as connection:
            self._read(connection, files, config, dimension)
            self._sort(connection)
        if files.state != self.state:
            raise SourceChangedError(
                "the vectors changed while they were read", where=files.shown, remedy="run again when they are written"
            )
        self._refuse_conflicts()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, hashes: NDArray[Any]) -> NDArray[np.int64]:
        """Return the row of each text's vector, (n,) int64, -1 where there is none; `hashes` are (n,) S32."""
        rows = np.full(len(hashes), -1, np.int64)
        for start in range(0, len(hashes), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            rows[part] = self._find(hashes[part])
        return rows

    def _find(self, hashes: NDArray[Any]) -> NDArray[np.int64]:
        # Every entry of a hash that is there has the same vector; the last block that begins at or before it has one.
        blocks = np.searchsorted(self._firsts, hashes, side="right") - 1
        places = np.clip(blocks[:, None] * _BLOCK + np.arange(_BLOCK), 0, max(0, len(self) - 1))
        if not len(self):
            return np.full(len(hashes), -1, np.int64)
        entries = self._entries.take(places.reshape(-1)).reshape(places.shape)
        same = entries["hash"] == hashes[:, None]
        at = same.argmax(axis=1)[:, None]
        return np.where(same.any(axis=1), np.take_along_axis(entries["row"], at, axis=1)[:, 0], -1)

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of some rows, (n, d) float32."""
        return self._vectors.take(rows)

    def smallest(self, count: int) -> list[bytes]:
        """Return the smallest hashes of texts, at most `count`, ascending."""
        found = np.unique(self._entries.read(0, count)["hash"])
        return [value.ljust(HASH.itemsize, b"\0") for value in found.tolist()]  # NumPy drops zero bytes at the end

    def _read(self, connection: Any, files: VectorFiles, config: PrecomputedConfig, dimension: int) -> None:
        as_documents = NormaliseConfig(unicode=config.unicode, strip=config.strip)
        connection.execute("CREATE TABLE hashes (text_hash BLOB, row BIGINT)")
        row = 0
        for path, texts, vectors in text_vectors(files, config, dimension):
            interruption.check()
            if not self._starts or self._starts[-1][1] != path:
                self._starts.append((row, path))
            self._vectors.append(vectors)
            numbers = np.arange(row, row + len(texts), dtype=np.int64)
            batch = pa.table({"text": normalise(texts, as_documents), "row": numbers})
            connection.register("batch", batch)
            connection.execute(load("precomputed_hashes"))
            row += len(texts)

    def _sort(self, connection: Any) -> None:
        ordered = connection.sql("SELECT text_hash, row FROM hashes ORDER BY text_hash, row")
        firsts: list[NDArray[Any]] = []
        for batch in ordered.to_arrow_reader(_ROWS):
            entries = np.empty(len(batch), ENTRY)
            entries["hash"] = np.frombuffer(batch.column(0).cast(pa.binary(32)).buffers()[1], HASH, len(batch))
            entries["row"] = batch.column(1).to_numpy()
            firsts.append(entries["hash"][-len(self._entries) % _BLOCK :: _BLOCK])
            self._entries.append(entries)
        self._firsts = np.concatenate([np.empty(0, HASH), *firsts])

    def _refuse_conflicts(self) -> None:
        for start in range(0, len(self), _PAIRS):
            entries = self._entries.read(start, start + _PAIRS + 1)  # the last of a part is the first of the next one
            twice = np.flatnonzero(entries["hash"][1:] == entries["hash"][:-1])
            self._compare(entries["row"][twice], entries["row"][twice + 1])

    def _compare(self, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
        one, other = self.take(before), self.take(after)
        differ = np.flatnonzero((one.view(np.uint32) != other.view(np.uint32)).any(axis=1))
        if len(differ):
            at = differ[0]
            raise ModelError(
                "one text has two different vectors",
                expected="one vector a text, normalised as [normalise] says",
                where=f"{self._place(before[at])} and {self._place(after[at])}",
                remedy="keep one of the rows; were they made by two models, make all of them with one",
            )

    def _place(self, row: np.int64) -> str:
        start, path = max(entry for entry in self._starts if entry[0] <= row)
        return f"{path}, row {int(row) - start + 1}"
