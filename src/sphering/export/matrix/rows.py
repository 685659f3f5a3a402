"""The rows of a matrix as one export has them: all or some of them, cut to some dimensions, with some metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.export.matrix.files import BLOCK_ROWS, Matrix
from sphering.export.matrix.metadata import keep_columns


@dataclass(frozen=True)
class Rows:
    """What an export writes, streamed from the matrix that all exports share.

    Parameters
    ----------
    matrix : Matrix
    truncate_dim : int, optional
        Keep the first dimensions, normalised again.
    metadata : tuple of str, optional
        Keep these columns of the metadata.
    kept : ndarray, shape (n,), bool, optional
        Keep these rows; their row_id is dense again.
    """

    matrix: Matrix
    truncate_dim: int | None = None
    metadata: tuple[str, ...] | None = None
    kept: NDArray[np.bool_] | None = None

    @property
    def n(self) -> int:
        """How many there are."""
        return self.matrix.n if self.kept is None else int(self.kept.sum())

    @property
    def d(self) -> int:
        """Their dimension."""
        return self.truncate_dim or self.matrix.d

    @property
    def whole(self) -> bool:
        """Whether these are the rows of the matrix, bit by bit."""
        return self.truncate_dim is None and self.kept is None

    @property
    def whole_documents(self) -> bool:
        """Whether ids and metadata are those of the matrix."""
        return self.metadata is None and self.kept is None

    def places(self) -> NDArray[np.int64]:
        """Return the row of the matrix of each of them, (n,)."""
        return np.arange(self.matrix.n) if self.kept is None else np.flatnonzero(self.kept)

    def ids(self) -> Iterator[pa.Array]:
        """Yield their doc_ids, (m,) string, in blocks."""
        at = 0
        for batch in self.matrix.documents(columns=["doc_id"]):
            doc_ids = batch.column(0)
            yield doc_ids if self.kept is None else doc_ids.filter(pa.array(self.kept[at : at + len(doc_ids)]))
            at += len(doc_ids)

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[NDArray[np.float32]]:
        """Yield their vectors, (m, d) float32 unit rows, in blocks of `rows` rows.

        Raises
        ------
        InputError
            If truncation leaves nothing of a vector.
        """
        return self._regrouped(rows) if self.kept is not None else self._cut(self.matrix.blocks(rows))

    def documents(self, rows: int = BLOCK_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield row_id, doc_id, uuid and metadata in blocks of `rows` rows."""
        if self.whole_documents:
            yield from self.matrix.documents(rows)
            return
        start = at = 0
        waiting: list[pa.RecordBatch] = []
        for batch in self.matrix.documents(rows):
            if self.kept is not None:
                mask = self.kept[at : at + batch.num_rows]
                at += batch.num_rows
                batch = batch.filter(pa.array(mask))
            waiting.append(batch)
            while sum(part.num_rows for part in waiting) >= rows:
                yield self._numbered(whole := _joined(waiting).slice(0, rows), start)
                start += whole.num_rows
                waiting = [_joined(waiting).slice(rows)]
        if any(part.num_rows for part in waiting):
            yield self._numbered(_joined(waiting), start)

    def ids_and_metadata(self) -> Iterator[tuple[pa.Array, pa.Array]]:
        """Yield their doc_ids and metadata, (m,) string each, in blocks."""
        for batch in self.documents():
            yield batch.column(1), batch.column(3)

    def cut(self, unit: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return unit vectors of the transform as they are in these rows, queries too: cut, normalised again."""
        if self.truncate_dim is None:
            return unit
        kept = unit[:, : self.truncate_dim].astype(np.float64)
        norms = np.sqrt(np.einsum("ij,ij->i", kept, kept))[:, None]
        shortened: NDArray[np.float64] = np.divide(kept, norms, out=np.zeros_like(kept), where=norms != 0)
        return shortened.astype(np.float32)

    def _numbered(self, batch: pa.RecordBatch, start: int) -> pa.RecordBatch:
        row_id = pa.array(np.arange(start, start + batch.num_rows))
        columns = [row_id, batch.column(1), batch.column(2), keep_columns(batch.column(3), self.metadata)]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _cut(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            found = self.cut(block)
            if found is not block and not found.any(axis=1).all():
                raise InputError(
                    f"truncate_dim = {self.truncate_dim} leaves nothing of a vector",
                    expected="vectors with a direction in their first dimensions",
                    remedy="keep more dimensions, or whiten in principal axes first",
                )
            yield found

    def _regrouped(self, rows: int) -> Iterator[NDArray[np.float32]]:
        """Yield the kept rows in blocks of one size: what an index makes of them may depend on it."""
        mask: NDArray[np.bool_] = self.kept  # type: ignore[assignment]
        waiting: list[NDArray[np.float32]] = []
        at = 0
        for block in self._cut(self.matrix.blocks(rows)):
            waiting.append(block[mask[at : at + len(block)]])
            at += len(block)
            if sum(map(len, waiting)) >= rows:
                joined = np.concatenate(waiting)
                yield joined[:rows]
                waiting = [joined[rows:]]
        if sum(map(len, waiting)):
            yield np.concatenate(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.concat_batches(batches) if len(batches) > 1 else batches[0]
