"""vectors.copy, load.sql and recall.sql: a table with an index, which PostgreSQL builds where it is loaded.

`cd` into the folder and `psql -f load.sql`: the table is made and indexed beside the one that is read, and takes its
place in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sphering.config.export import PgvectorConfig
from sphering.errors import InputError
from sphering.export.codes import Code
from sphering.export.delta.base import DeltaBase
from sphering.export.delta.difference import Difference
from sphering.export.delta.write import DeltaWriter
from sphering.export.documents import Documents
from sphering.export.formats.pgvector.copy_binary import (
    jsonb_field,
    read_rows,
    text_field,
    texts_of,
    uuid_field,
    vector_field,
    vectors_of,
    write_rows,
)
from sphering.export.formats.pgvector.scripts import COLUMNS, delta_script, load_script, recall_script, type_name
from sphering.export.formats.vector_files import VectorFormat
from sphering.export.protocol import Block, ExportJob

COPY = "vectors.copy"
LOAD = "load.sql"
RECALL = "recall.sql"
DELTA = "delta.sql"
_LARGEST_INDEXED = {"vector": 2000, "halfvec": 4000}
# An even number of backslashes before it: an odd one makes it the text of six characters.
_ESCAPED_NUL = r"(^|[^\\])(\\\\)*\\u0000"


class PgvectorFormat(VectorFormat, DeltaWriter):
    """A table doc_id, uuid, embedding, metadata; rows stand in `doc_id` order in the file."""

    config = PgvectorConfig
    libraries = ("pyarrow",)
    without_vectors = (LOAD, RECALL)
    limit = 16000

    def check(self, config: PgvectorConfig, dimension: int) -> None:
        """Raise InputError where pgvector cannot index vectors of this dimension."""
        type_ = type_name(config)
        largest = _LARGEST_INDEXED[type_]
        if config.index != "none" and dimension > largest:
            halved = 'dtype = "float16", whose limit is 4000; ' if type_ == "vector" and dimension <= 4000 else ""
            raise InputError(
                f"pgvector indexes columns of the type {type_} of at most {largest} dimensions, these have {dimension}",
                expected=f"at most {largest}",
                where=f"[[export]] {config.name}",
                remedy=f'set {halved}truncate_dim = {largest}; or index = "none" for exact search',
            )

    def check_documents(self, config: Any, documents: Documents) -> None:
        """Raise InputError where an id or metadata holds the character NUL, which text and jsonb cannot."""
        for doc_ids, metadata in documents.read():
            _refuse(doc_ids, pc.match_substring(doc_ids, "\0"), "an id", config)
            _refuse(doc_ids, pc.match_substring_regex(metadata, _ESCAPED_NUL), "metadata", config)

    def write(self, job: ExportJob) -> None:
        """Write the rows block by block, and the scripts."""
        config: Any = job.config
        write_rows(job.folder / COPY, row_blocks(job, self.code(job)))
        (job.folder / LOAD).write_text(load_script(job, config, COPY), encoding="utf-8")
        (job.folder / RECALL).write_text(recall_script(config), encoding="utf-8")

    def write_delta(self, job: ExportJob, base: DeltaBase, found: Difference) -> None:
        """Write the rows that differ and the script that applies them."""
        config: Any = job.config
        upserts, payload = replace(job, kept=found.upserts), replace(job, kept=found.payload)
        write_rows(job.folder / "delta-upserts.copy", row_blocks(upserts, self.code(job)))
        deletes = found.deletes["uuid"].combine_chunks()
        write_rows(job.folder / "delta-deletes.copy", [[uuid_field(deletes)]] if len(deletes) else [])
        documents = payload.rows.documents()
        fields = ((uuid_field(batch.column(2)), jsonb_field(batch.column(3))) for batch in documents)
        write_rows(job.folder / "delta-payload.copy", fields)
        (job.folder / DELTA).write_text(delta_script(job, config, base.export), encoding="utf-8")

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks of the file that COPY reads."""
        path = folder / COPY
        for doc_ids, _, vectors, _ in read_rows(path, len(COLUMNS)):
            yield Block(texts_of(doc_ids, path), vectors_of(vectors, path))

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return the type of the numbers; and the columns', which the scripts name."""
        config: Any = job.config
        return {"dtype": config.dtype, "table": config.table_name, "type": type_name(config)}


def row_blocks(job: ExportJob, code: Code) -> Iterator[tuple[pa.Array, ...]]:
    """Yield doc_id, uuid, embedding and metadata of the rows of a job, as the fields of a COPY file."""
    for documents, vectors in zip(job.rows.documents(), job.rows.blocks(), strict=True):
        yield (
            text_field(documents.column(1)),
            uuid_field(documents.column(2)),
            vector_field(code.encode(vectors).values),
            jsonb_field(documents.column(3)),
        )


def _refuse(doc_ids: pa.Array, wrong: pa.Array, what: str, config: Any) -> None:
    if not pc.any(wrong).as_py():
        return
    first = doc_ids.filter(wrong)[0].as_py()
    remedy = "clean the source" if what == "an id" else "clean the source, or leave the column out of `metadata`"
    raise InputError(
        f"{what} with the character NUL",
        expected="text without it: PostgreSQL stores none",
        where=f"[[export]] {config.name}, document {first!r}",
        remedy=f"{remedy} of this [[export]]" if what != "an id" else remedy,
    )


FORMAT = PgvectorFormat()
