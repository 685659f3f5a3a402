"""collection.json, points-00000.json and so on, and load.sh, which sends them to a server.

A point's id is the document's UUID, as Qdrant takes no strings; its payload holds doc_id and metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from sphering.config.export import QdrantConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.codes import FLOAT16
from sphering.export.delta.base import DeltaBase
from sphering.export.delta.difference import Difference
from sphering.export.delta.write import DeltaWriter
from sphering.export.documents import Documents
from sphering.export.formats.qdrant.bodies import LONGEST_NUMBER, MAX_BODY, ids, new_payloads, points, write_bodies
from sphering.export.formats.qdrant.scripts import delta_script, load_script
from sphering.export.formats.vector_files import VectorFormat, found_shards
from sphering.export.protocol import Block, ExportJob

COLLECTION = "collection.json"
POINTS = "points"
LOAD = "load.sh"
DELTA = "delta.sh"
_POINTS = (b'{"points":[\n', b"\n]}\n")
_SCHEMA = pa.schema(
    [
        pa.field(
            "points",
            pa.list_(
                pa.struct(
                    [
                        pa.field("vector", pa.list_(pa.float32())),
                        pa.field("payload", pa.struct([pa.field("doc_id", pa.string())])),
                    ]
                )
            ),
        )
    ]
)


class QdrantFormat(VectorFormat, DeltaWriter):
    """Bodies that create a collection and upsert its points, in `doc_id` order."""

    config = QdrantConfig
    libraries = ("pyarrow",)
    without_vectors = (COLLECTION, LOAD)
    limit = 65536

    def check_documents(self, config: Any, documents: Documents) -> None:
        """Raise InputError where a point is longer than a request to Qdrant may be."""
        for doc_ids, metadata in documents.read():
            texts = pc.add(pc.binary_length(doc_ids), pc.binary_length(metadata)).cast(pa.int64())
            # An id of control characters grows sixfold in JSON.
            longest = pc.add(pc.multiply(texts, 6), LONGEST_NUMBER * (documents.d or 0) + 200)
            wrong = pc.greater(longest, MAX_BODY)
            if pc.any(wrong).as_py():
                first = doc_ids.filter(wrong)[0].as_py()
                raise InputError(
                    "metadata that make a point of more than 32 MB",
                    expected="less: a server refuses longer requests",
                    where=f"[[export]] {config.name}, document {first[:80]!r}",
                    remedy="leave the column out of `metadata` of this [[export]]",
                )

    def write(self, job: ExportJob) -> None:
        """Write the bodies block by block, and the script."""
        config: Any = job.config
        datatype = {"datatype": FLOAT16} if config.dtype == FLOAT16 else {}
        body = {"vectors": {"size": job.rows.d, "distance": "Dot", **datatype}}
        (job.folder / COLLECTION).write_text(json.dumps(body), encoding="utf-8")
        write_bodies(job.folder, POINTS, _POINTS, points(job, self.code(job)))
        (job.folder / LOAD).write_text(load_script(config, job.identity.get("id", "")), encoding="utf-8")

    def write_delta(self, job: ExportJob, base: DeltaBase, found: Difference) -> None:
        """Write bodies that delete, upsert and give other payloads, and the script that sends them in this order."""
        config: Any = job.config
        upserts, changed = replace(job, kept=found.upserts), replace(job, kept=found.payload)
        deletes = [ids(found.deletes["uuid"].combine_chunks())] if found.deletes.num_rows else []
        write_bodies(job.folder, "delta-deletes", _POINTS, deletes)
        write_bodies(job.folder, "delta-upserts", _POINTS, points(upserts, self.code(job)))
        write_bodies(job.folder, "delta-payload", (b'{"operations":[\n', b"\n]}\n"), new_payloads(changed))
        script = delta_script(config, base.export, job.identity.get("id", ""))
        (job.folder / DELTA).write_text(script, encoding="utf-8")

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield the points of each body."""
        for path in found_shards(folder, f"{POINTS}.json"):
            try:
                yield _block(path)
            except (OSError, pa.ArrowException, ValueError) as error:
                raise IntegrityError(
                    f"this file cannot be read: {error}", expected="points for Qdrant", where=str(path)
                ) from error

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return the type of the numbers that Qdrant keeps."""
        config: Any = job.config
        return {"dtype": config.dtype, "collection": config.alias}


def _block(path: Path) -> Block:
    # One object is a whole file: it must lie within a block.
    block = arrow_json.ReadOptions(use_threads=False, block_size=path.stat().st_size + 1)
    parse = arrow_json.ParseOptions(
        explicit_schema=_SCHEMA, newlines_in_values=True, unexpected_field_behavior="ignore"
    )
    found = arrow_json.read_json(path, read_options=block, parse_options=parse)["points"].combine_chunks().flatten()
    lists = found.field("vector")
    doc_ids = found.field("payload").field("doc_id")
    vectors = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), -1)
    if doc_ids.null_count or pc.count_distinct(pc.list_value_length(lists)).as_py() != 1:
        raise ValueError("a point without a doc_id, or of another dimension")
    return Block(doc_ids, vectors)


FORMAT = QdrantFormat()
