"""The documents of a snapshot in `doc_id` order: an external sort, then Parquet in row groups of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.matrix.files import IDS, IDS_SCHEMA, ROW_GROUP_ROWS
from sphering.sqltext import load
from sphering.store.database import Bounds, bounded_connection
from sphering.store.snapshot import Snapshot

PROBE_TEXTS = 1000
NAMESPACE = uuid5(NAMESPACE_URL, "https://pypi.org/project/sphering")
"""The namespace of the UUIDs that stand for a doc_id: `uuid.uuid5(NAMESPACE, doc_id)`."""
_SORTED = "sorted.parquet"
_DOCUMENTS = pa.schema(
    [
        pa.field("position", pa.int64()),
        pa.field("doc_id", pa.string()),
        pa.field("metadata", pa.string()),
        pa.field("held_out", pa.bool_()),
    ]
)
_SORTED_DOCUMENTS = _DOCUMENTS.insert(2, pa.field("uuid", pa.string()))


def held_out_texts(texts: int) -> int:
    """Return how many texts a probe index leaves out: 1,000, or half of a corpus with fewer than 2,000."""
    return min(PROBE_TEXTS, texts // 2)


def sort_documents(snapshot: Snapshot, directory: Path, memory: str) -> NDArray[np.int64]:
    """Sort the documents by the UTF-8 bytes of `doc_id` into a file; return the place of each vector in that order.

    Returns
    -------
    ndarray, shape (documents,), int64
        For each row of `snapshot.batches`, in its order, the row of the matrix.

    Raises
    ------
    IntegrityError
        If two documents have one id: engines keep the last of them, both, or neither.
    """
    places = np.empty(snapshot.manifest.documents, dtype=np.int64)
    with bounded_connection(Bounds(memory, directory)) as connection:
        connection.register("documents", pa.RecordBatchReader.from_batches(_DOCUMENTS, _documents(snapshot)))
        ordered = connection.sql(load("export_documents"), params={"namespace": NAMESPACE.bytes})
        with pq.ParquetWriter(directory / _SORTED, _SORTED_DOCUMENTS) as writer:
            end, last = 0, pa.array([], pa.string())
            for batch in ordered.to_arrow_reader(ROW_GROUP_ROWS):
                last = _distinct(batch.column(1).cast(pa.string()), last, snapshot)
                positions = batch.column(0).to_numpy()
                places[positions] = np.arange(end, end + len(positions))
                end += len(positions)
                writer.write_batch(batch.cast(_SORTED_DOCUMENTS))
    return places


def _distinct(doc_ids: pa.Array, last: pa.Array, snapshot: Snapshot) -> pa.Array:
    """Return the last of sorted ids, which are all different and differ from the last ones before them."""
    joined = pa.concat_arrays([last, doc_ids])
    same = pc.equal(joined.slice(1), joined.slice(0, len(joined) - 1))
    if pc.any(same).as_py():
        raise IntegrityError(
            f"more than one document has the id {joined.slice(1).filter(same)[0].as_py()!r}",
            expected="an id a document",
            where=f"snapshot {snapshot.id}",
            remedy="run `sphering verify`",
        )
    return joined.slice(len(joined) - 1)


def with_uuids(connection: Any, doc_ids: pa.Array) -> pa.Table:
    """Return doc_id and uuid of some ids, in `doc_id` order."""
    documents = {"position": None, "doc_id": doc_ids, "metadata": None, "held_out": None}
    columns = [pa.nulls(len(doc_ids)) if column is None else column for column in documents.values()]
    connection.register("documents", pa.table(columns, names=list(documents)))
    found = connection.sql(load("export_documents"), params={"namespace": NAMESPACE.bytes}).to_arrow_table()
    return found.select(["doc_id", "uuid"])


def _documents(snapshot: Snapshot) -> Iterator[pa.RecordBatch]:
    sample = snapshot.sample(held_out_texts(snapshot.manifest.texts))
    held_out = pa.array([row.tobytes() for row in sample.text_hashes], pa.binary(32))
    start = 0
    for batch in snapshot.batches(["doc_id", "metadata", "text_hash"]):
        position = pa.array(np.arange(start, start + batch.num_rows))
        start += batch.num_rows
        held = pc.is_in(batch.column(2), value_set=held_out)
        yield pa.RecordBatch.from_arrays([position, batch.column(0), batch.column(1), held], schema=_DOCUMENTS)


def write_ids(directory: Path, filled: NDArray[np.bool_]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Write ids.parquet for the filled rows; return the ids of the others, and the held-out mask of the filled.

    Row groups have one size whatever blocks the sort gave, so that the bytes depend on the content alone.
    """
    gone: list[pa.Array] = []
    held_out: list[NDArray[np.bool_]] = []
    with pq.ParquetFile(directory / _SORTED) as file:
        kept = _kept(file.iter_batches(batch_size=ROW_GROUP_ROWS), filled, gone, held_out)
        write_table(directory / IDS, IDS_SCHEMA, kept)
    (directory / _SORTED).unlink()
    return pa.chunked_array(gone, pa.string()).combine_chunks(), np.concatenate(held_out)


def _kept(
    batches: Iterable[pa.RecordBatch],
    filled: NDArray[np.bool_],
    gone: list[pa.Array],
    held_out: list[NDArray[np.bool_]],
) -> Iterator[pa.RecordBatch]:
    start = end = 0
    for batch in batches:
        mask = filled[start : start + batch.num_rows]
        start += batch.num_rows
        gone.append(batch.column(1).filter(pa.array(~mask)))
        batch = batch.filter(pa.array(mask))
        held_out.append(batch.column(4).to_numpy(zero_copy_only=False))
        row_id = pa.array(np.arange(end, end + batch.num_rows))
        end += batch.num_rows
        yield pa.RecordBatch.from_arrays([row_id, *batch.columns[1:4]], schema=IDS_SCHEMA)


def write_table(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, plain: tuple[str, ...] = ()
) -> None:
    """Write batches as Parquet in row groups of ROW_GROUP_ROWS rows; the columns `plain` are not compressed."""
    names = [name for name in schema.names if name not in plain]
    compression = dict.fromkeys(names, "zstd") | {f"{name}.list.element": "none" for name in plain}
    dictionary = [name for name in names if name == "metadata"]
    statistics = [name for name in names if name in ("doc_id", "row_id")]
    with pq.ParquetWriter(
        path, schema, compression=compression, use_dictionary=dictionary, write_statistics=statistics
    ) as writer:
        for table in _regrouped(schema, batches):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def _regrouped(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield tables of ROW_GROUP_ROWS rows each, the last one shorter, in one chunk each."""
    waiting = pa.Table.from_batches([], schema)
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch], schema)])
        while waiting.num_rows >= ROW_GROUP_ROWS:
            yield waiting.slice(0, ROW_GROUP_ROWS).combine_chunks()
            waiting = waiting.slice(ROW_GROUP_ROWS)
    if waiting.num_rows:
        yield waiting.combine_chunks()
