"""A shard: one immutable Parquet file of documents and their vectors, in text-hash order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.identity import short_id

SHARD_VERSION = 1
EMBEDDING = "embedding"
ROW_GROUP_ROWS = 16384
_BUFFER = 1 << 20  # a memory map would count a whole shard as memory
HASH = pa.binary(32)


CHUNK_PLACE = (
    pa.field("parent", pa.string(), nullable=False),
    pa.field("ordinal", pa.int32(), nullable=False),
    pa.field("start", pa.int32(), nullable=False),
    pa.field("end", pa.int32(), nullable=False),
)
"""What a shard of chunks has beside: the id of each chunk's source document, its place among the chunks of that one,
and `text[start:end]` of its text in Unicode code points, all as they were when the row was written."""


def is_chunked(columns: Iterable[str]) -> bool:
    """Return whether columns are those of chunks."""
    return CHUNK_PLACE[0].name in columns


def shard_id(encoder: str, documents: pa.Table, *, keep_text: bool) -> str:
    """Return the id of a shard from its encoder and its ordered (doc_id, text_hash, metadata_hash).

    Where a chunk stood is in no id: a chunk that only moved is unchanged.

    Parameters
    ----------
    documents : pyarrow.Table
        Columns doc_id, text_hash and metadata_hash, in text-hash order, and for chunks those of `CHUNK_PLACE`.
    """
    ids = documents["doc_id"].combine_chunks().cast(pa.large_binary())
    lengths = pc.binary_length(ids).cast(pa.int64())
    ordered = hashlib.sha256()
    for column in (
        lengths,
        ids,
        documents["text_hash"].combine_chunks(),
        documents["metadata_hash"].combine_chunks(),
    ):
        ordered.update(_value_bytes(column))
    chunks = {"chunks": True} if is_chunked(documents.column_names) else {}
    named = {"encoder": encoder, "documents": ordered.hexdigest(), "keep_text": keep_text, **chunks}
    return short_id({**named, "v": SHARD_VERSION})


def _value_bytes(column: pa.Array) -> bytes:
    if column.offset:
        column = pa.concat_arrays([column])
    buffers = column.buffers()
    if pa.types.is_large_binary(column.type):
        offsets = np.frombuffer(buffers[1], dtype=np.int64)[: len(column) + 1]
        return bytes(buffers[2][offsets[0] : offsets[-1]]) if len(column) else b""
    return bytes(buffers[1][: len(column) * column.type.bit_width // 8])


def schema(dimension: int, *, chunked: bool = False, counted: bool = True) -> pa.Schema:
    """Return the schema of a shard.

    Parameters
    ----------
    dimension : int
        Of its vectors.
    chunked : bool
        Whether its documents are chunks.
    counted : bool
        Whether its encoder counts tokens.
    """
    return pa.schema(
        [
            pa.field("doc_id", pa.string(), nullable=False),
            pa.field("text", pa.string()),
            pa.field("text_hash", HASH, nullable=False),
            pa.field("metadata_hash", HASH, nullable=False),
            pa.field("n_tokens", pa.int32(), nullable=not counted),
            pa.field("n_unknown", pa.int32()),
            pa.field("truncated", pa.bool_(), nullable=False),
            pa.field("norm", pa.float32(), nullable=False),
            pa.field("metadata", pa.string(), nullable=False),
            *(CHUNK_PLACE if chunked else ()),
            pa.field(EMBEDDING, vector_type(dimension), nullable=False),
        ]
    )


def is_shard(found: pa.Schema, dimension: int, *, chunked: bool) -> bool:
    """Return whether a schema is that of a shard of `dimension`-dimensional vectors, whatever its encoder counts."""
    return any(found.equals(schema(dimension, chunked=chunked, counted=counted)) for counted in (True, False))


def vector_type(dimension: int) -> pa.DataType:
    """Return the Arrow type of vectors: a fixed-size list of non-null float32."""
    return pa.list_(pa.field("element", pa.float32(), nullable=False), dimension)


def vector_array(vectors: NDArray[np.float32]) -> pa.Array:
    """Return (n, d) float32 rows as an Arrow fixed-size-list array, without a copy where they are C-contiguous."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, type=vector_type(vectors.shape[1]))


def vector_rows(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
    """Return a fixed-size-list column as (n, d) float32, without a copy where it is one chunk."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=column.type)
    dimension = array.type.list_size
    return np.asarray(array.flatten()).reshape(-1, dimension)


def write_shard(path: Path, table: pa.Table) -> None:
    """Write a shard's table to a new local file.

    Vectors are stored plain: unit float32 embeddings compress by 7 to 16 %, which does not pay for halving the
    speed of a scan. The dictionary of pyarrow's default would cost 3 % on them.
    """
    names = [name for name in table.schema.names if name != EMBEDDING]
    compression = {name: "zstd" for name in names} | {f"{EMBEDDING}.list.element": "none"}
    with pq.ParquetWriter(
        path,
        table.schema,
        compression=compression,
        use_dictionary=["metadata", "metadata_hash", "n_unknown", "truncated"],
        write_statistics=["doc_id", "text_hash"],
        write_page_checksum=True,
        store_schema=True,
    ) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def read_batches(path: Path, columns: Sequence[str] | None, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield record batches of at most `rows` rows of one shard, in file order, their checksums checked.

    So no damaged vector gets into a sum, an export or another shard; a check takes 1 s for 1 GB. `columns` is None for
    all.

    Raises
    ------
    IntegrityError
        If the file is missing, is no whole Parquet file, or was damaged.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True) as file:
            yield from file.iter_batches(batch_size=rows, columns=None if columns is None else list(columns))
    except (FileNotFoundError, pa.ArrowInvalid, OSError) as error:
        raise IntegrityError(
            f"a shard cannot be read: {error}",
            expected="a whole Parquet file",
            where=str(path),
            remedy="run `sphering verify`",
        ) from error


def take_vectors(path: Path, rows: NDArray[np.int64], dimension: int) -> NDArray[np.float32]:
    """Return the vectors at `rows` (any order, repeats allowed) of one shard, as (len(rows), dimension) float32."""
    out = np.empty((len(rows), dimension), dtype=np.float32)
    order = np.argsort(rows, kind="stable")
    wanted = rows[order]
    start = 0
    for batch in read_batches(path, [EMBEDDING], ROW_GROUP_ROWS):
        stop = start + batch.num_rows
        low, high = np.searchsorted(wanted, [start, stop])
        if high > low:
            out[order[low:high]] = vector_rows(batch.column(0))[wanted[low:high] - start]
        start = stop
    return out
