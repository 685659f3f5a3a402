"""bulk-00000.ndjson … and index.json: documents for Elasticsearch or OpenSearch.

Each file is the body of one request POST /INDEX/_bulk; index.json is that of PUT /INDEX before. The name of the index
stands in neither. A document is two lines: an action with `_id`, then doc_id, embedding and metadata.

Limits, each checked before a file is written:

- `_id` of 1 to 512 bytes:
  https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/mapping-id-field,
  https://docs.opensearch.org/latest/mappings/metadata-fields/id/
- 4,096 dimensions in Elasticsearch:
  https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/dense-vector;
  16,000 in OpenSearch: https://docs.opensearch.org/latest/mappings/supported-field-types/knn-methods-engines/
- a request of 100 MB (`http.max_content_length`, https://github.com/elastic/elasticsearch/issues/67804), of 10 MiB on
  smaller machines of Amazon's OpenSearch (https://repost.aws/questions/QUa7261SUURa2k45nv4w1ixQ): files stay below
  the smallest of them.
- |x|² within 1e-4 of 1 for `dot_product` (1e-3 since 8.15, https://github.com/elastic/elasticsearch/pull/110240): what
  every export promises is 2e-7.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json
from numpy.typing import NDArray

from sphering.config.export import NdjsonConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.documents import Documents
from sphering.export.formats.vector_files import VectorFormat, found_shards
from sphering.export.matrix.files import BLOCK_ROWS
from sphering.export.protocol import Block, ExportJob
from sphering.store.shard import EMBEDDING

BULK = "bulk.ndjson"
INDEX = "index.json"
MOST_BYTES = 10_000_000
ID_BYTES = 512
DIMENSIONS = {"elasticsearch": 4096, "opensearch": 16000}
_NUMBER_BYTES = 16  # of text, its comma included: -1.17549435e-38
_FRAME_BYTES = 4096  # of a document beside numbers and metadata: both ids, each byte of them escaped at worst
_READ = pa.schema(
    [
        pa.field("index", pa.struct([pa.field("_id", pa.string())])),
        pa.field("doc_id", pa.string()),
        pa.field(EMBEDDING, pa.list_(pa.float32())),
    ]
)


class NdjsonFormat(VectorFormat):
    """Documents in `doc_id` order; a number is the shortest decimal that is read as the same float32."""

    config = NdjsonConfig
    libraries = ("polars", "pyarrow")
    without_vectors = (INDEX,)

    def check(self, config: NdjsonConfig, dimension: int) -> None:
        """Refuse more dimensions than the engine takes."""
        most = DIMENSIONS[config.engine]
        if dimension > most:
            raise InputError(
                f"{config.engine} takes vectors of at most {most} dimensions, these have {dimension}",
                expected=f"at most {most}",
                where=f"[[export]] {config.name}",
                remedy=f"set truncate_dim = {most}, or whiten to fewer dimensions",
            )

    def check_documents(self, config: Any, documents: Documents) -> None:
        """Refuse ids that are empty or too long, and metadata that alone would fill a request."""
        most = MOST_BYTES - _FRAME_BYTES - _NUMBER_BYTES * (documents.d or 0)
        less = "less metadata: name its columns under `metadata`"
        for doc_ids, metadata in documents.read():
            lengths = _lengths(doc_ids)
            _refuse(config, doc_ids, lengths == 0, "is empty", f"1 to {ID_BYTES} bytes")
            _refuse(config, doc_ids, lengths > ID_BYTES, f"is longer than {ID_BYTES} bytes", "a shorter id")
            _refuse(config, doc_ids, _lengths(metadata) > most, f"belongs to metadata of more than {most} bytes", less)

    def write(self, job: ExportJob) -> None:
        """Write requests of at most MOST_BYTES bytes, and the index that they go into."""
        content = json.dumps(index(job.config, job.rows.d), indent=2)
        (job.folder / INDEX).write_text(content + "\n", encoding="utf-8")
        rows = min(BLOCK_ROWS, max(1, MOST_BYTES // (_NUMBER_BYTES * job.rows.d)))
        requests = _Requests(job.folder)
        for documents, vectors in zip(job.rows.documents(rows), job.rows.blocks(rows), strict=True):
            requests.add(lines(documents, vectors))

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield the documents of each request."""
        for path in found_shards(folder, BULK):
            yield _read(path)


def index(config: Any, dimension: int) -> dict[str, Any]:
    """Return the body of the request that creates the index: compared by inner product, in full float32.

    Elasticsearch would quantise by itself, to a bit a number from 384 dimensions on: `hnsw` keeps what was measured.
    Metadata are kept and returned, and neither parsed nor indexed: whatever the documents hold is accepted, without a
    limit of fields, of a term's 32,766 bytes or of one type a field.
    """
    metadata = {"type": "object", "enabled": False}
    if config.engine == "opensearch":
        method = {"name": "hnsw", "engine": "faiss", "space_type": "innerproduct"}
        vector: dict[str, Any] = {"type": "knn_vector", "dimension": dimension, "method": method}
        settings: dict[str, Any] = {"settings": {"index": {"knn": True}}}
    else:
        vector = {
            "type": "dense_vector",
            "dims": dimension,
            "index": True,
            "similarity": "dot_product",
            "index_options": {"type": "hnsw"},
        }
        settings = {}
    properties = {"doc_id": {"type": "keyword"}, EMBEDDING: vector, "metadata": metadata}
    return {**settings, "mappings": {"dynamic": "strict", "properties": properties}}


def lines(documents: pa.RecordBatch, vectors: NDArray[np.float32]) -> pa.Array:
    """Return the two lines of each document, (m,) large_string.

    Parameters
    ----------
    documents : pyarrow.RecordBatch
        row_id, doc_id, uuid and metadata.
    vectors : ndarray, shape (m, d), float32
    """
    import polars as pl

    ids = pl.Series(documents.column(1))
    frame = pl.DataFrame({"_id": ids, "doc_id": ids, EMBEDDING: vectors, "metadata": pl.Series(documents.column(3))})
    action = pl.struct("_id").struct.json_encode()
    document = pl.struct("doc_id", EMBEDDING).struct.json_encode().str.head(-1)
    metadata = (pl.lit(',"metadata":'), pl.col("metadata"), pl.lit("}\n"))
    text = pl.concat_str(pl.lit('{"index":'), action, pl.lit("}\n"), document, *metadata)
    return frame.select(text.alias("text"))["text"].to_arrow().cast(pa.large_string())


class _Requests:
    """Files of whole documents, each as long as the limit lets it be."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self._size = folder, 0, 0

    def add(self, texts: pa.Array) -> None:
        """Write the lines of further documents."""
        ends = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
        data = memoryview(texts.buffers()[2])
        start = 0
        while start < len(texts):
            room = ends[start] + MOST_BYTES - self._size
            stop = int(np.searchsorted(ends, room, side="right")) - 1
            if stop == start:
                self._number, self._size = self._number + 1, 0
                continue
            with self._path().open("ab") as target:
                target.write(data[ends[start] : ends[stop]])
            self._size += int(ends[stop] - ends[start])
            start = stop

    def _path(self) -> Path:
        return self._folder / f"{Path(BULK).stem}-{self._number:05}{Path(BULK).suffix}"


def _read(path: Path) -> Block:
    try:
        table = pa_json.read_json(
            path,
            read_options=pa_json.ReadOptions(use_threads=False, block_size=path.stat().st_size + 1),
            parse_options=pa_json.ParseOptions(explicit_schema=_READ, unexpected_field_behavior="ignore"),
        ).combine_chunks()
    except (OSError, pa.ArrowException) as error:
        raise IntegrityError(
            f"this file cannot be read: {error}", expected="lines of JSON, two a document", where=str(path)
        ) from error
    actions, documents = table[::2], table[1::2]
    ids = pc.struct_field(actions["index"], "_id").combine_chunks()
    doc_ids = documents["doc_id"].combine_chunks()
    embedding = documents[EMBEDDING].combine_chunks()
    widths = np.diff(embedding.offsets.to_numpy())
    if ids.null_count or not ids.equals(doc_ids) or not len(widths) or (widths != widths[0]).any():
        raise IntegrityError(
            "actions and documents do not belong together",
            expected="an action with the `_id` of the document behind it, vectors of one dimension",
            where=str(path),
        )
    return Block(doc_ids, embedding.flatten().to_numpy(zero_copy_only=False).reshape(len(doc_ids), -1))


def _lengths(texts: pa.Array) -> NDArray[np.int32]:
    return pc.binary_length(texts).to_numpy()  # type: ignore[no-any-return]


def _refuse(config: Any, doc_ids: pa.Array, wrong: NDArray[np.bool_], what: str, expected: str) -> None:
    if not wrong.any():
        return
    doc_id = doc_ids[int(np.argmax(wrong))].as_py()
    raise InputError(
        f"the id {doc_id[:80]!r} {what}",
        expected=expected,
        where=f"[[export]] {config.name}",
        remedy=f"change the documents, or leave {config.engine} out",
    )


FORMAT = NdjsonFormat()
