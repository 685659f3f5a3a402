"""Which documents differ between two exports under one transform: one comparison of hashes, spilling to disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.export.delta.base import DeltaBase
from sphering.export.matrix.files import EXCLUDED
from sphering.export.matrix.ordered import with_uuids
from sphering.export.protocol import ExportJob
from sphering.sqltext import load
from sphering.store.database import Bounds, bounded_connection
from sphering.store.snapshot import Snapshot

UPSERT, PAYLOAD, DELETE = "upsert", "payload", "delete"
DELETES_SCHEMA = pa.schema(
    [pa.field("doc_id", pa.string(), nullable=False), pa.field("uuid", pa.string(), nullable=False)]
)


@dataclass(frozen=True)
class Difference:
    """What turns the base's export into this one.

    upserts and payload are (n,) bool over the rows of the matrix: documents that are new or have another vector, and
    those of which the metadata alone differ. deletes is a table of the schema `DELETES_SCHEMA`, in `doc_id` order.
    """

    upserts: NDArray[np.bool_]
    payload: NDArray[np.bool_]
    deletes: pa.Table

    def counts(self) -> dict[str, int]:
        """Return how many there are of each, by their names in the manifest."""
        return {
            "upserts": int(self.upserts.sum()),
            "deletes": self.deletes.num_rows,
            "payload_updates": int(self.payload.sum()),
        }


def difference(job: ExportJob, base: DeltaBase) -> Difference:
    """Return what turns the base's export into that of a job of the same transform and table.

    Vectors are compared as they were encoded, by hash: the transform is the same. Memory: 100 bytes a document, within
    the job's bound; beyond it DuckDB spills. Both snapshots are read once.
    """
    with bounded_connection(Bounds(job.memory, job.matrix.directory)) as connection:
        _keep_rows(connection, "base_rows", base.snapshot, base.excluded, job)
        gone = pq.read_table(job.matrix.directory / EXCLUDED, columns=["doc_id"])["doc_id"]
        _keep_rows(connection, "new_rows", job.snapshot, gone, job)
        changed = connection.sql(load("export_delta")).to_arrow_table()
        of = {name: changed["doc_id"].filter(pc.equal(changed["change"], name)) for name in (UPSERT, PAYLOAD, DELETE)}
        deletes = with_uuids(connection, of[DELETE]).cast(DELETES_SCHEMA)
    return Difference(_rows(job, of[UPSERT]), _rows(job, of[PAYLOAD]), deletes)


def _keep_rows(connection: Any, name: str, snapshot: Snapshot, excluded: Any, job: ExportJob) -> None:
    snapshot.register(connection)
    connection.register("excluded", pa.table({"doc_id": excluded}))
    columns = None if job.config.metadata is None else list(job.config.metadata)
    connection.execute(f"CREATE TEMP TABLE {name} AS {load('export_delta_rows')}", {"columns": columns})


def _rows(job: ExportJob, doc_ids: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return which rows of the matrix have these ids."""
    found: NDArray[np.bool_] = pc.is_in(job.matrix.ids, value_set=doc_ids.combine_chunks()).to_numpy(
        zero_copy_only=False
    )
    return found
