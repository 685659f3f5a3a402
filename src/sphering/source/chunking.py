"""Source documents to documents: each is cut into chunks, beside those that are carried over.

It works on what staging made of the source's rows: by then each id has one row, the rule for duplicates has been
applied, and conflicts of source rows have been refused.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sphering import interruption
from sphering.errors import IntegrityError
from sphering.progress import Progress
from sphering.source.conflict import Origin
from sphering.source.digest import HASH
from sphering.source.documents import Written, write_documents
from sphering.source.key_sort import KeySort, keys_by_id
from sphering.source.purged import PurgedIds
from sphering.source.reorder import Stretches
from sphering.source.rows import CHUNK_ROWS, as_rows, row_batches, rows_reader
from sphering.source.staged import DOCUMENTS_FILE, ROWS_FILE
from sphering.sqltext import load
from sphering.text.chunk import Chunker

CHUNK = "chunk"
CHUNK_SUFFIX = r"#[0-9a-f]{12}(\.[0-9]+)?$"
"""What the id of a chunk has behind that of its source document."""
_HASH_DIGITS = 12
_BATCH_ROWS = 2048
_IN_FILE_ORDER = "SELECT doc_id, metadata_hash, staged_at FROM read_parquet($path) ORDER BY staged_at"
_FOUND = pa.schema([("doc_id", pa.string()), ("metadata_hash", HASH), ("staged_at", pa.int64())])
_ORDER_OF_CHUNKS = "staged_at"
_NOT_REPLACED = "NOT carried OR parent NOT IN (SELECT doc_id FROM tonight)"


@dataclass(frozen=True)
class Staging:
    """The files of one stage: checked rows with their texts, and which of them are documents."""

    rows: Path
    documents: Path

    @classmethod
    def under(cls, folder: Path) -> Staging:
        """Return the files of a stage that lie in a folder."""
        return cls(folder / ROWS_FILE, folder / DOCUMENTS_FILE)


@dataclass(frozen=True)
class Chunking:
    """Cuts the source documents of one stage into the documents of the next.

    Parameters
    ----------
    connection
        A DuckDB connection; its memory limit bounds the sorts.
    chunker : Chunker
    progress : Progress
        Hears of source documents, in the step ``chunk``.
    """

    connection: Any
    chunker: Chunker
    progress: Progress

    def write(
        self, source: Staging, target: Staging, carried: Iterable[pa.RecordBatch], purged: frozenset[bytes]
    ) -> tuple[Written, int]:
        """Write the chunks of all source documents, and the carried ones whose source document has no row tonight.

        Texts are written once more. Memory is bounded by a batch of rows and its chunks.

        Parameters
        ----------
        carried : iterable of pyarrow.RecordBatch
            Chunks that stand before tonight, with the columns doc_id, text, metadata, text_hash, metadata_hash and
            those of `CHUNK_PLACE`.
        purged : frozenset of bytes
            SHA-256 of the ids of source documents of which nothing is carried over.

        Returns
        -------
        Written
            What came of the rows.
        int
            The chunks of tonight's source documents.

        Raises
        ------
        IntegrityError
            If a source document came to no chunk.
        """
        documents = pq.read_metadata(source.documents).num_rows
        self.progress.start(CHUNK, documents)
        rows = rows_reader(source.rows, ["doc_id", "deleted"])
        self.connection.register("rows", rows)
        self.connection.execute(load("chunk_tonight"), {"documents": str(source.documents)})
        self.connection.unregister("rows")
        chunks = 0
        with KeySort(
            self.connection.cursor(), target.rows, keys_by_id(_ORDER_OF_CHUNKS, _NOT_REPLACED), CHUNK_ROWS
        ) as sorting:
            cut = 0
            for batch, count in self._cut(source):
                sorting.add(batch)
                chunks += len(batch)
                cut += count
            leaving = PurgedIds(self.connection, purged) if purged else None
            for batch in carried:
                sorting.add(_carried(batch, leaving))
            written = write_documents(sorting.keys(), target.rows, target.documents, Origin("first", ()))
        if cut != documents:
            raise IntegrityError(
                f"{documents} source documents came to chunks of {cut}",
                expected="at least one chunk of each",
                remedy="report this with the tokenizer; nothing was committed",
            )
        self.progress.finish(CHUNK)
        return written, chunks

    def _cut(self, source: Staging) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Yield rows of chunks, each batch with the number of source documents that it has the chunks of."""
        cursor = self.connection.cursor()
        reader = cursor.sql(_IN_FILE_ORDER, params={"path": str(source.documents)}).to_arrow_reader(_BATCH_ROWS)
        with reader:
            stretches = Stretches(reader, _FOUND)
            first = 0
            for batch in row_batches(source.rows, ["text", "metadata"]):
                found = stretches.below(first + len(batch)).combine_chunks()
                whole = batch.take(pc.subtract(found["staged_at"], first).combine_chunks())
                first += len(batch)
                for chunks in self.chunker.chunks(whole["text"]):
                    interruption.check()
                    count = pc.count_distinct(chunks["source"]).as_py()
                    yield _rows_of(chunks, found, whole["metadata"]), count
                    self.progress.advance(CHUNK, count)


def _carried(batch: pa.RecordBatch, purged: PurgedIds | None) -> pa.RecordBatch:
    if purged is not None:
        of_parents = batch.set_column(batch.schema.get_field_index("doc_id"), "doc_id", batch["parent"])
        batch = batch.filter(pa.array(~purged.among(of_parents)))
    return as_rows(batch, CHUNK_ROWS, deleted=pa.repeat(False, len(batch)), carried=pa.repeat(True, len(batch)))


def _rows_of(chunks: pa.RecordBatch, found: pa.Table, metadata: pa.Array) -> pa.RecordBatch:
    source = chunks["source"]
    parents = found["doc_id"].take(source).combine_chunks()
    hashes = [hashlib.sha256(text.encode()).digest() for text in chunks["text"].to_pylist()]
    no = pa.repeat(False, len(chunks))
    return as_rows(
        chunks,
        CHUNK_ROWS,
        doc_id=pa.array(chunk_ids(parents.to_pylist(), hashes), pa.string()),
        metadata=metadata.take(source),
        deleted=no,
        carried=no,
        text_hash=pa.array(hashes, HASH),
        metadata_hash=found["metadata_hash"].take(source).combine_chunks(),
        parent=parents,
    )


def chunk_ids(parents: list[str], hashes: list[bytes]) -> list[str]:
    """Return the ids of chunks: ``<parent>#<12 hex digits of the text hash>``, then ``.2``, ``.3`` for repeats.

    So a chunk keeps its id wherever it stands in its source document.

    Parameters
    ----------
    parents : list of str
        The id of each chunk's source document, whose chunks must all be here.
    hashes : list of bytes
        The text hash of each chunk.
    """
    names = [f"{parent}#{text_hash.hex()[:_HASH_DIGITS]}" for parent, text_hash in zip(parents, hashes, strict=True)]
    seen: Counter[str] = Counter()
    if len(set(names)) == len(names):
        return names
    ids = []
    for name in names:
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return ids
