"""One pass over the documents of a snapshot: what its texts, its labels and its equal vectors are counted from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.geometry.duplicates import row_hashes
from sphering.report.label_columns import LabelColumn, Numbers, label_columns, label_numbers, text_connection
from sphering.report.label_sums import RAW, LabelSums, Spaces
from sphering.store.shard import EMBEDDING, vector_rows
from sphering.store.snapshot import Snapshot


@dataclass(frozen=True)
class Tally:
    """Sums over some documents.

    `uncounted` counts the documents whose encoder does not count tokens, `unsaid` those whose encoder does not tell
    unknown ones, `textless` those whose text is not kept; `tokens`, `unknown` and `characters` are sums over the
    others. Characters are Unicode code points.
    """

    documents: int
    tokens: int
    uncounted: int
    unknown: int
    unsaid: int
    truncated: int
    characters: int
    textless: int


@dataclass(frozen=True)
class Counted:
    """What the pass counts, documents in the order of `Snapshot.batches`.

    Parameters
    ----------
    vectors : ndarray, shape (n, 2), uint64
        `row_hashes` of the vectors.
    texts : ndarray, shape (n,), uint64
        The first 64 bits of each text's SHA-256.
    unknown : ndarray, shape (n,), int32
        Unknown tokens of each document; 0 where the encoder does not tell them.
    fewest_tokens : int or None
        Of any document, special tokens included; None where the encoder does not count them.
    whole : Tally
        Of all documents.
    columns : sequence of LabelColumn
    lines : mapping of str to ndarray, shape (n,), uint8
        By the name of a column, which line of its table each document belongs to.
    tallies : mapping of str to sequence of Tally
        By the name of a column, one a line.
    sums : LabelSums
        Of the unit vectors of each label, raw and transformed.
    """

    vectors: NDArray[np.uint64]
    texts: NDArray[np.uint64]
    unknown: NDArray[np.int32]
    fewest_tokens: int | None
    whole: Tally
    columns: Sequence[LabelColumn]
    lines: Mapping[str, NDArray[np.uint8]]
    tallies: Mapping[str, Sequence[Tally]]
    sums: LabelSums


@dataclass(frozen=True)
class _Block:
    vectors: NDArray[np.float32]
    texts: NDArray[np.uint64]
    measured: NDArray[np.int64]
    labels: dict[str, Numbers]


def count_documents(snapshot: Snapshot, labels: Sequence[str] = (), spaces: Spaces = RAW) -> Counted:
    """Read every document of a snapshot once, and count.

    Memory: 28 bytes a document, and one more a column of labels; beside them 8 bytes a coordinate of each of up to
    1,000 labels a column, in each space.

    Parameters
    ----------
    labels : sequence of str
        Names of the columns of labels.
    spaces : Spaces
        In which vectors are summed by their labels.
    """
    width = len(Tally.__dataclass_fields__)
    vectors, texts, unknown = [np.empty((0, 2), np.uint64)], [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
    fewest, whole = np.iinfo(np.int64).max, np.zeros(width, np.int64)
    with text_connection(snapshot) as connection:
        columns = label_columns(connection, labels)
        sums = {column.name: np.zeros((column.lines, width), np.int64) for column in columns}
        lines = {column.name: [np.empty(0, np.uint8)] for column in columns}
        of_labels = LabelSums(columns, snapshot.dimension, spaces)
        for block in _blocks(snapshot, connection, columns):
            vectors.append(row_hashes(block.vectors))
            of_labels.update(block.vectors, block.labels)
            texts.append(block.texts)
            unknown.append(block.measured[:, 3].astype(np.int32))
            fewest = min(fewest, int(block.measured[:, 1].min()))
            whole += block.measured.sum(axis=0)
            for column in columns:
                of_block = column.lines_of(block.labels[column.name])
                lines[column.name].append(of_block)
                sums[column.name] += _by_line(block.measured, of_block, column.lines)
    tally = _tally(whole)
    return Counted(
        np.concatenate(vectors),
        np.concatenate(texts),
        np.concatenate(unknown),
        None if tally.uncounted else fewest,
        tally,
        columns,
        {name: np.concatenate(parts) for name, parts in lines.items()},
        {name: [_tally(row) for row in rows] for name, rows in sums.items()},
        of_labels,
    )


def _blocks(snapshot: Snapshot, connection: Any, columns: Sequence[LabelColumn]) -> Iterator[_Block]:
    names = ["text_hash", "n_tokens", "n_unknown", "truncated", *(["text"] if snapshot.manifest.keep_text else [])]
    for batch in snapshot.batches([*names, *(["metadata"] if columns else []), EMBEDDING]):
        yield _Block(
            vector_rows(batch.column(EMBEDDING)),
            _first_words(batch.column("text_hash")),
            _measured(batch),
            {column.name: label_numbers(connection, column, batch.column("metadata")) for column in columns},
        )


def _first_words(hashes: pa.Array) -> NDArray[np.uint64]:
    """Return the first 64 bits of each SHA-256 of a column."""
    width = hashes.type.byte_width
    words = np.frombuffer(hashes.buffers()[1], dtype=np.uint64).reshape(-1, width // 8)
    return words[hashes.offset : hashes.offset + len(hashes), 0].copy()


def _measured(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Return what is summed of each document, (n, 8), in the order of a tally's fields."""
    rows = batch.num_rows
    tokens, unknown = batch.column("n_tokens"), batch.column("n_unknown")
    text = batch.column("text") if "text" in batch.schema.names else pa.nulls(rows, pa.string())
    measured = np.empty((rows, 8), dtype=np.int64)
    measured[:, 0] = 1
    measured[:, 1] = pc.fill_null(tokens, 0).to_numpy()
    measured[:, 2] = _flags(pc.is_null(tokens))
    measured[:, 3] = pc.fill_null(unknown, 0).to_numpy()
    measured[:, 4] = _flags(pc.is_null(unknown))
    measured[:, 5] = _flags(batch.column("truncated"))
    measured[:, 6] = pc.fill_null(pc.utf8_length(text), 0).to_numpy()
    measured[:, 7] = _flags(pc.is_null(text))
    return measured


def _flags(column: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
    return flags


def _by_line(measured: NDArray[np.int64], lines: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return the sums of each line; sums of a block are whole numbers far below 2^53, so float64 holds them exactly."""
    sums = [np.bincount(lines, weights=column, minlength=count) for column in measured.T]
    return np.stack(sums, axis=1).astype(np.int64)


def _tally(sums: NDArray[np.int64]) -> Tally:
    return Tally(*map(int, sums))
