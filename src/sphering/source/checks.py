"""Rows to documents: every value is checked as bytes before anything sees it as a string."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.config.model import NormaliseConfig
from sphering.source.block import Block, Layout, Rejected
from sphering.source.metadata import canonical_metadata
from sphering.source.ordering import ORDER_FIELDS, order_columns
from sphering.source.reasons import EMPTY, INVALID_UTF8, MISSING_ID, NUL, NULL, TOO_LONG
from sphering.source.splitting import EXCERPT_BYTES
from sphering.source.unsound import has_nul, invalid_utf8, true_rows
from sphering.text.normalise import changes, is_blank, normalise

CHECKED = pa.schema(
    [
        pa.field("doc_id", pa.string()),
        pa.field("text", pa.string()),
        pa.field("metadata", pa.string()),
        *ORDER_FIELDS,
        pa.field("row", pa.int64()),
    ]
)
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Checked:
    """Sound rows, with the columns of `CHECKED`, and the others."""

    rows: pa.RecordBatch
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True)
class _Columns:
    """The columns of a block as bytes, (n,) each; without ids where they are made from the content."""

    rows: NDArray[np.int64]
    id: pa.Array | None
    text: pa.Array

    def keep(self, mask: Mask) -> _Columns:
        chosen = pa.array(mask)
        return _Columns(
            self.rows[mask], None if self.id is None else self.id.filter(chosen), self.text.filter(chosen)
        )


def check(block: Block, layout: Layout, config: NormaliseConfig) -> Checked:
    """Check a block's rows, normalise the texts of the sound ones and write their metadata as canonical JSON.

    A row with several faults is rejected for the first of: id, null, length, UTF-8, NUL, empty, metadata.
    """
    rejected = list(block.rejected)
    columns = _Columns(block.rows, _bytes(block.id) if layout.id is not None else None, _bytes(block.text))
    sound = _sift(columns, _faults_of_bytes(columns, layout), rejected)
    kept = columns if sound.all() else columns.keep(sound)
    texts = kept.text.cast(pa.string())
    if changes(config):
        texts = normalise(texts, config)
    written = _Columns(kept.rows, kept.id, texts.cast(pa.binary()))
    still = _sift(written, _faults_of_texts(texts, layout), rejected)
    sound[sound] = still

    chosen = None if sound.all() else pa.array(sound)
    columns = columns if chosen is None else columns.keep(sound)
    texts = texts if still.all() else texts.filter(pa.array(still))
    parts = {name: _filtered(column, chosen) for name, column in block.metadata.items()}
    metadata = canonical_metadata(parts, len(texts))
    order = order_columns(None if block.order is None else _filtered(block.order, chosen), len(texts), layout.order)
    identifiers = pa.nulls(len(texts), pa.string()) if columns.id is None else columns.id.cast(pa.string())
    batch = pa.record_batch([identifiers, texts, metadata.json, *order, pa.array(columns.rows)], schema=CHECKED)
    if metadata.refused:
        written = _Columns(columns.rows, columns.id, texts.cast(pa.binary()))
        batch = batch.filter(pa.array(_refuse(written, metadata.refused, rejected)))
    return Checked(batch, tuple(rejected))


def _bytes(column: pa.Array | None) -> pa.Array:
    return None if column is None else column.cast(pa.binary())


def _filtered(column: pa.Array, mask: pa.Array | None) -> pa.Array:
    return column if mask is None else column.filter(mask)
