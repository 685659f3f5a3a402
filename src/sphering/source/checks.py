"""Rows to documents: every value is checked as bytes before anything sees it as a string."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.config.model import NormaliseConfig
from sphering.source.block import Block, Layout, Rejected
from sphering.source.deletion import deletions
from sphering.source.metadata import canonical_metadata
from sphering.source.ordering import ORDER_FIELDS, order_columns
from sphering.source.reasons import EMPTY, INVALID_UTF8, MISSING_ID, NUL, NULL, TOO_LONG, UNCLEAR_DELETED
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
        pa.field("deleted", pa.bool_()),
    ]
)
"""A sound row; one that removes its id has a null for a text."""
_NO_ROWS = pa.record_batch([pa.array([], field.type) for field in CHECKED], schema=CHECKED)
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Checked:
    """Sound rows, with the columns of `CHECKED`, and the others."""

    rows: pa.RecordBatch
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True)
class _Fault:
    """One way to be no document, and the rows, (n,) bool, that are so."""

    rows: Mask
    reason: str
    detail: str


@dataclass(frozen=True)
class _Columns:
    """The columns of a block as bytes, (n,) each; without ids where they are made from the content."""

    rows: NDArray[np.int64]
    id: pa.Array | None
    text: pa.Array
    deleted: Mask
    unclear: Mask

    @classmethod
    def of(cls, block: Block, layout: Layout) -> _Columns:
        identifiers = None if layout.id is None or block.id is None else block.id.cast(pa.binary())
        text = block.text.cast(pa.binary())
        told = deletions(block.deleted, len(block.rows))
        if told.deleted.any():  # such a row needs no text, so that none of its faults counts
            text = pc.if_else(told.deleted, pa.scalar(None, pa.binary()), text)
        return cls(block.rows, identifiers, text, told.deleted, told.unclear)

    def keep(self, mask: Mask) -> _Columns:
        chosen = pa.array(mask)
        identifiers = None if self.id is None else self.id.filter(chosen)
        return _Columns(self.rows[mask], identifiers, self.text.filter(chosen), self.deleted[mask], self.unclear[mask])


def check(block: Block, layout: Layout, config: NormaliseConfig) -> Checked:
    """Check a block's rows, normalise the texts of the sound ones and write their metadata as canonical JSON.

    A row with several faults is rejected for the first of: id, whether it is deleted, null, length, UTF-8, NUL, empty,
    metadata. A deleted row is sound where its id is.
    """
    rejected = list(block.rejected)
    if not len(block.rows):
        return Checked(_NO_ROWS, tuple(rejected))
    columns, sound = _only_sound(_Columns.of(block, layout), layout, config, rejected)
    chosen = None if sound.all() else pa.array(sound)
    metadata = canonical_metadata(
        {name: _filtered(column, chosen) for name, column in block.metadata.items()}, len(columns.rows)
    )
    refused = {row: why for row, why in metadata.refused.items() if not columns.deleted[row]}
    order = None if block.order is None else _filtered(block.order, chosen)
    batch = pa.record_batch(
        [
            pa.nulls(len(columns.rows), pa.string()) if columns.id is None else columns.id.view(pa.string()),
            columns.text.view(pa.string()),
            pc.if_else(columns.deleted, "{}", metadata.json) if columns.deleted.any() else metadata.json,
            *order_columns(order, len(columns.rows), layout.order),
            pa.array(columns.rows),
            pa.array(columns.deleted),
        ],
        schema=CHECKED,
    )
    if refused:
        batch = batch.filter(pa.array(_refuse(columns, refused, rejected)))
    return Checked(batch, tuple(rejected))


def _only_sound(
    columns: _Columns, layout: Layout, config: NormaliseConfig, rejected: list[Rejected]
) -> tuple[_Columns, Mask]:
    """Return the sound rows, their texts normalised, and which of the given rows they are."""
    sound = _sift(columns, _faults_of_bytes(columns, layout), rejected)
    columns = columns if sound.all() else columns.keep(sound)
    texts = columns.text.view(pa.string())  # sound UTF-8 by now: a cast would look at every byte again
    if changes(config):
        texts = normalise(texts, config)
        columns = replace(columns, text=texts.cast(pa.binary()))
    full = _sift(columns, _faults_of_texts(texts, layout), rejected)
    sound[sound] = full
    return (columns if full.all() else columns.keep(full)), sound


def _filtered(column: pa.Array, mask: pa.Array | None) -> pa.Array:
    return column if mask is None else column.filter(mask)


def _faults_of_bytes(columns: _Columns, layout: Layout) -> Iterator[_Fault]:
    """Yield what bytes show: ids first, then texts; a later fault does not matter to a row that has an earlier."""
    if columns.id is not None:
        lengths = _lengths(columns.id)
        yield _Fault(lengths == 0, MISSING_ID, "the row has no id")
        yield _Fault(lengths > layout.max_bytes, TOO_LONG, f"the id {_over(layout)}")
        yield _Fault(invalid_utf8(columns.id), INVALID_UTF8, "the id is no UTF-8")
        yield _Fault(has_nul(columns.id), NUL, "the id holds a NUL")
    yield _Fault(columns.unclear, UNCLEAR_DELETED, f"{layout.deleted!r} says neither true nor false")
    yield _Fault(true_rows(columns.text.is_null()) & ~columns.deleted, NULL, "the text is null")
    yield _Fault(_lengths(columns.text) > layout.max_bytes, TOO_LONG, f"the text {_over(layout)}")
    yield _Fault(invalid_utf8(columns.text), INVALID_UTF8, "the text is no UTF-8")
    yield _Fault(has_nul(columns.text), NUL, "the text holds a NUL")


def _faults_of_texts(texts: pa.Array, layout: Layout) -> Iterator[_Fault]:
    """Yield what normalised texts show."""
    yield _Fault(true_rows(is_blank(texts)), EMPTY, "the text is empty or white space only")
    yield _Fault(_lengths(texts) > layout.max_bytes, TOO_LONG, f"the normalised text {_over(layout)}")


def _lengths(values: pa.Array) -> NDArray[np.int32]:
    """Return the bytes of each value, (n,); a null has none."""
    return np.asarray(pc.fill_null(pc.binary_length(values), 0).to_numpy())


def _over(layout: Layout) -> str:
    return f"has over max_bytes = {layout.max_bytes} bytes"


def _sift(columns: _Columns, faults: Iterable[_Fault], rejected: list[Rejected]) -> Mask:
    """Note each row's first fault in `rejected`, and return which rows have none."""
    bad = np.zeros(len(columns.rows), bool)
    for fault in faults:
        for row in np.flatnonzero(fault.rows & ~bad):
            rejected.append(_rejected(columns, int(row), fault.reason, fault.detail))
        bad |= fault.rows
    return ~bad


def _refuse(columns: _Columns, refused: dict[int, tuple[str, str]], rejected: list[Rejected]) -> Mask:
    sound = np.ones(len(columns.rows), bool)
    for row, (reason, detail) in sorted(refused.items()):
        sound[row] = False
        rejected.append(_rejected(columns, row, reason, detail))
    return sound


def _rejected(columns: _Columns, row: int, reason: str, detail: str) -> Rejected:
    text = columns.text[row].as_py() or b""
    identifier = None if columns.id is None else columns.id[row].as_py()
    doc_id = None if identifier is None else identifier[:EXCERPT_BYTES].decode(errors="backslashreplace")
    return Rejected(int(columns.rows[row]), reason, detail, text[:EXCERPT_BYTES], doc_id or None)
