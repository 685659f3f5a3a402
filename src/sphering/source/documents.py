"""documents.parquet: checked rows, sorted by id, one row a document; duplicates go by the declared rule."""

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
from sphering.source.digest import ContentDigest
from sphering.source.grouped import GroupedWriter
from sphering.source.quarantine import excerpt
from sphering.sqltext import load

HASH = pa.binary(32)
DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("text_hash", HASH, nullable=False),
        pa.field("metadata_hash", HASH, nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
_BATCH_ROWS = (
    2048  # DuckDB's vector: the smallest batch that costs nothing extra, since a text may take a megabyte
)


@dataclass(frozen=True)
class Written:
    """What came of the rows."""

    documents: int
    duplicates: int
    texts: int
    content_digest: str


@dataclass(frozen=True)
class Origin:
    """How two rows of one id are told apart and named.

    Parameters
    ----------
    duplicates : str
        `error`, `first` or `last`.
    files : sequence of str
        The names of the files by their number; empty for a query.
    """

    duplicates: str
    files: Sequence[str]

    def place(self, row: dict[str, Any]) -> str:
        """Return where a row came from: its file and row, or, of a query, what it says."""
        if not self.files:
            text, metadata = excerpt(row["text"].encode())[:60], excerpt(row["metadata"].encode())[:60]
            return f"the row with the text {text!r} and the metadata {metadata}"
        return f"{self.files[row['file']]}, row {row['row']}"


def write_documents(connection: Any, rows: Path, target: Path, origin: Origin) -> Written:
    """Sort the checked rows of a Parquet file, drop duplicates and write the documents.

    Memory is DuckDB's limit and one row group: sorting spills to disk, the rest is streamed.

    Raises
    ------
    SourceError
        If rows of one id differ and the rule is `error`; both places are named.
    """
    statement = load("stage_last" if origin.duplicates == "last" else "stage_first")
    digest = ContentDigest()
    count = 0
    last: pa.RecordBatch | None = None
    reader = connection.sql(statement, params={"path": str(rows)}).to_arrow_reader(_BATCH_ROWS)
    options = {"compression": "zstd", "use_dictionary": ["metadata"], "write_statistics": ["doc_id"]}
    with reader, GroupedWriter(target, DOCUMENTS, **options) as writer:
        for batch in reader:
            count += batch.num_rows
            again = _same_id(batch, last)
            if origin.duplicates == "error" and again.any():
                _refuse_conflict(batch, last, again, origin)
            kept = batch.filter(pa.array(~again)) if again.any() else batch
            digest.update(kept["row_hash"])
            writer.add(_documents(kept))
            last = batch.slice(batch.num_rows - 1)
    query = "SELECT count(DISTINCT text_hash) FROM read_parquet($path)"
    texts = connection.execute(query, {"path": str(target)}).fetchone()[0]
    return Written(writer.rows, count - writer.rows, int(texts), digest.hexdigest())


def _same_id(batch: pa.RecordBatch, last: pa.RecordBatch | None) -> NDArray[np.bool_]:
    """Return which rows have the id of the row before; `last` is the row before the first."""
    return _equals_previous("doc_id", batch, last)


def _equals_previous(name: str, batch: pa.RecordBatch, last: pa.RecordBatch | None) -> NDArray[np.bool_]:
    values = batch[name]
    equal = np.zeros(len(values), bool)
    equal[1:] = pc.equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    if last is not None and len(values):
        equal[0] = values[0] == last[name][0]
    return equal


def _refuse_conflict(
    batch: pa.RecordBatch, last: pa.RecordBatch | None, again: NDArray[np.bool_], origin: Origin
) -> None:
    same_text = _equals_previous("text_hash", batch, last)
    same_metadata = _equals_previous("metadata_hash", batch, last)
    conflicts = np.flatnonzero(again & ~(same_text & same_metadata))
    if not len(conflicts):
        return
    at = int(conflicts[0])
    second = batch.slice(at, 1).to_pylist()[0]
    before = batch.slice(at - 1, 1) if at else last
    first = before.to_pylist()[0] if before is not None else second
    what = "metadata" if same_text[at] else "texts"
    raise SourceError(
        f"two rows have the id {excerpt(second['doc_id'].encode())!r} and different {what}",
        expected="one row an id, or rows that are equal",
        where=f"{origin.place(first)}; {origin.place(second)}",
        remedy='mend the source, or set [source] duplicates = "first" or "last" (by order_by)',
    )


def _documents(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [batch[field.name].cast(field.type) for field in DOCUMENTS]
    return pa.record_batch(columns, schema=DOCUMENTS)
