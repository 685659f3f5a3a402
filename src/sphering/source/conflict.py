"""Rows of one id that say different things: which they are, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.errors import SourceError
from sphering.source.quarantine import excerpt
from sphering.source.rows import row_batches


@dataclass(frozen=True)
class Origin:
    """How rows of one id are told apart and named.

    Parameters
    ----------
    duplicates : str
        `error`, `first` or `last`.
    files : sequence of str
        The names of the files by their number; empty for a query.
    """

    duplicates: str
    files: Sequence[str]


def equals_previous(name: str, batch: pa.RecordBatch, last: pa.RecordBatch | None) -> NDArray[np.bool_]:
    """Return which rows, (n,) bool, have the value of the row before; `last` is the row before the first."""
    values = batch[name]
    equal = np.zeros(len(values), bool)
    equal[1:] = pc.equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    if last is not None and len(values):
        equal[0] = values[0] == last[name][0]
    return equal


def refuse_conflict(
    batch: pa.RecordBatch, last: pa.RecordBatch | None, again: NDArray[np.bool_], origin: Origin, rows: Path
) -> None:
    """Raise unless the rows that have the id of the row before equal it.

    Parameters
    ----------
    batch, last : pyarrow.RecordBatch
        Keys in their order; the row before the first.
    again : (n,) bool
        Which rows have the id of the row before.
    origin, rows
        What names them: their files, or what the file of checked rows says of them.

    Raises
    ------
    SourceError
        Naming both places of the first that differs.
    """
    same_text = equals_previous("text_hash", batch, last)
    same_metadata = equals_previous("metadata_hash", batch, last)
    conflicts = np.flatnonzero(again & ~(same_text & same_metadata))
    if not len(conflicts):
        return
    at = int(conflicts[0])
    before = batch.slice(at - 1, 1) if at or last is None else last
    first, second = before.to_pylist()[0], batch.slice(at, 1).to_pylist()[0]
    differ = "and different metadata" if same_text[at] else "and different texts"
    if first["deleted"] != second["deleted"]:
        differ = "of which one removes it"
    raise SourceError(
        f"two rows have the id {excerpt(second['doc_id'].encode())!r} {differ}",
        expected="one row an id, or rows that are equal",
        where=f"{_place(first, origin, rows)}; {_place(second, origin, rows)}",
        remedy='mend the source, or set [source] duplicates = "first" or "last" (by order_by)',
    )


def _place(key: dict[str, Any], origin: Origin, rows: Path) -> str:
    """Name where a row came from: its file and row, or, of a query, what it says."""
    if origin.files:
        return f"{origin.files[key['file']]}, row {key['row']}"
    row = _row(rows, int(key["staged_at"]))
    if row["deleted"]:
        return "a row that removes it"
    text, metadata = (excerpt(row[name].encode())[:60] for name in ("text", "metadata"))
    return f"the row with the text {text!r} and the metadata {metadata}"


def _row(rows: Path, staged_at: int) -> dict[str, Any]:
    for batch in row_batches(rows, ["text", "metadata", "deleted"]):
        if staged_at < len(batch):
            found: dict[str, Any] = batch.slice(staged_at, 1).to_pylist()[0]
            return found
        staged_at -= len(batch)
    raise IndexError(staged_at)
