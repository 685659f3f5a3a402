"""The keys of checked rows in their order: which row of an id is kept, where it goes, and the content digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.errors import SourceError
from sphering.source.digest import HASH, ContentDigest
from sphering.source.grouped import GroupedWriter
from sphering.source.quarantine import excerpt
from sphering.source.reorder import PLACE
from sphering.sqltext import load

PLACES = pa.schema(
    [
        *PLACE,
        pa.field("doc_id", pa.string()),
        pa.field("text_hash", HASH),
        pa.field("metadata_hash", HASH),
    ]
)
_BATCH_ROWS = 16384
_HASHES = 72  # bytes of both hashes and the rank, beside a row's text and metadata


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


@dataclass(frozen=True)
class Kept:
    """What sorting the keys came to: documents that are carried over, ids that are removed, rows that are dropped."""

    carried: int
    deleted: int
    duplicates: int
    content_digest: str


def sort_keys(connection: Any, rows: Path, target: Path, origin: Origin, bucket_bytes: int) -> Kept:
    """Sort the keys of the checked rows and write, for each row that becomes a document, its rank and its bucket.

    Parameters
    ----------
    connection
        A DuckDB connection; its memory limit bounds the sort.
    rows, target : Path
        The Parquet file of checked rows; that of kept keys, with the columns of `PLACES`.
    origin : Origin
        The rule for duplicates.
    bucket_bytes : int
        Buckets are stretches of the ranks with about so many bytes.

    Raises
    ------
    SourceError
        If rows of one id differ and the rule is `error`; both places are named. Rows that are carried over do not
        count: tonight's take their place.
    """
    statement = load("stage_keys_last" if origin.duplicates == "last" else "stage_keys_first")
    reader = connection.sql(statement, params={"path": str(rows)}).to_arrow_reader(_BATCH_ROWS)
    digest = ContentDigest()
    carried = deleted = duplicates = weight = 0
    last: pa.RecordBatch | None = None
    with reader, GroupedWriter(target, PLACES, compression="lz4", use_dictionary=False) as writer:
        for batch in reader:
            again = _equals_previous("doc_id", batch, last)
            is_carried, is_deleted = (_mask(batch[name]) for name in ("carried", "deleted"))
            duplicate = again & ~is_carried
            if origin.duplicates == "error" and duplicate.any():
                _refuse_conflict(batch, last, duplicate, _Places(origin, rows))
            carried += int(np.sum(is_carried & ~again))
            deleted += int(np.sum(is_deleted & ~again))
            duplicates += int(np.sum(duplicate))
            stays = ~(again | is_deleted)
            kept = batch if stays.all() else batch.filter(pa.array(stays))
            digest.update(kept["row_hash"])
            weights = weight + np.cumsum(kept["weight"].to_numpy() + _HASHES)
            writer.add(_places(kept, writer.rows, weights // bucket_bytes))
            weight = int(weights[-1]) if len(weights) else weight
            last = batch.slice(batch.num_rows - 1)
    return Kept(carried, deleted, duplicates, digest.hexdigest())


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), bool)


def _places(kept: pa.RecordBatch, first: int, buckets: NDArray[np.int64]) -> pa.RecordBatch:
    ranks = np.arange(first, first + kept.num_rows, dtype=np.int64)
    columns = {"rank": pa.array(ranks), "bucket": pa.array(buckets.astype(np.int32))}
    values = [columns[field.name] if field.name in columns else kept[field.name].cast(field.type) for field in PLACES]
    return pa.record_batch(values, schema=PLACES)


def _equals_previous(name: str, batch: pa.RecordBatch, last: pa.RecordBatch | None) -> NDArray[np.bool_]:
    """Return which rows have the value of the row before; `last` is the row before the first."""
    values = batch[name]
    equal = np.zeros(len(values), bool)
    equal[1:] = pc.equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    if last is not None and len(values):
        equal[0] = values[0] == last[name][0]
    return equal


@dataclass(frozen=True)
class _Places:
    """Names where a row came from: its file and row, or, of a query, what it says."""

    origin: Origin
    rows: Path

    def of(self, key: dict[str, Any]) -> str:
        if self.origin.files:
            return f"{self.origin.files[key['file']]}, row {key['row']}"
        row = self._row(int(key["staged_at"]))
        if row["deleted"]:
            return "a row that removes it"
        text, metadata = (excerpt(row[name].encode())[:60] for name in ("text", "metadata"))
        return f"the row with the text {text!r} and the metadata {metadata}"

    def _row(self, staged_at: int) -> dict[str, Any]:
        with pq.ParquetFile(self.rows) as file:
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                if staged_at < size:
                    table = file.read_row_group(group, columns=["text", "metadata", "deleted"])
                    found: dict[str, Any] = table.slice(staged_at, 1).to_pylist()[0]
                    return found
                staged_at -= size
        raise IndexError(staged_at)


def _refuse_conflict(
    batch: pa.RecordBatch, last: pa.RecordBatch | None, again: NDArray[np.bool_], places: _Places
) -> None:
    same_text = _equals_previous("text_hash", batch, last)
    same_metadata = _equals_previous("metadata_hash", batch, last)
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
        where=f"{places.of(first)}; {places.of(second)}",
        remedy='mend the source, or set [source] duplicates = "first" or "last" (by order_by)',
    )
