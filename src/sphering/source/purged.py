"""Ids that were purged: no row of them becomes a document again."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.source.block import Rejected
from sphering.source.checks import Checked
from sphering.source.reasons import PURGED
from sphering.sqltext import load

_DETAIL = "the document of this id was purged"


class PurgedIds:
    """Finds rows whose ids were purged.

    Parameters
    ----------
    connection
        A DuckDB connection on which nothing else is read.
    hashes : frozenset of bytes
        SHA-256 of the UTF-8 bytes of each purged id.
    """

    def __init__(self, connection: Any, hashes: frozenset[bytes]) -> None:
        self._connection = connection
        self._hashes = hashes
        connection.register("purged", pa.table({"id_hash": pa.array(sorted(hashes), pa.binary())}))

    def among(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Return which rows of a batch, with the columns doc_id, text and metadata, have a purged id."""
        block = batch.select(["doc_id", "text", "metadata"])
        block = block.append_column("position", pa.array(np.arange(len(batch))))
        self._connection.register("block", pa.Table.from_batches([block]))
        found = self._connection.sql(load("stage_purged")).to_arrow_table()
        mask = np.zeros(len(batch), bool)
        mask[found["position"].to_numpy()] = True
        return mask

    def take_out(self, checked: Checked) -> Checked:
        """Return checked rows without those of purged ids, which are rejected; no word of theirs is kept."""
        mask = self.among(checked.rows)
        rejected = [self._silenced(row) for row in checked.rejected]
        rejected += [Rejected(row, PURGED, _DETAIL) for row in checked.rows["row"].filter(pa.array(mask)).to_pylist()]
        return Checked(checked.rows.filter(pa.array(~mask)), tuple(rejected))

    def _silenced(self, row: Rejected) -> Rejected:
        """Return a rejected row without its id and its text where the id was purged."""
        if row.doc_id is None or hashlib.sha256(row.doc_id.encode()).digest() not in self._hashes:
            return row
        return Rejected(row.row, PURGED, _DETAIL)
