"""ids.parquet beside vectors that have no ids of their own: row_id, dense from 0, to doc_id and metadata."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.errors import IntegrityError
from sphering.export.matrix import BLOCK_ROWS, IDS, read_rows
from sphering.export.protocol import Block


def place(source: Path, folder: Path) -> None:
    """Put a finished file of the matrix into a folder under its own name: a link, or a copy across file systems."""
    try:
        os.link(source, folder / source.name)
    except OSError:
        shutil.copyfile(source, folder / source.name)


def read_ids(folder: Path, rows: int) -> Iterator[pa.Array]:
    """Yield the doc_ids in blocks of `rows` rows.

    Raises
    ------
    IntegrityError
        If the file is missing or no Parquet file, or row_id is not dense and ascending.
    """
    path = folder / IDS
    start = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows, columns=["row_id", "doc_id"]):
                row_ids = batch.column(0).to_numpy()
                if (
                    row_ids[0] != start
                    or row_ids[-1] != start + len(row_ids) - 1
                    or (row_ids[1:] <= row_ids[:-1]).any()
                ):
                    raise IntegrityError("row_id is not dense and ascending", where=str(path))
                start += len(row_ids)
                yield batch.column(1)
    except (OSError, pa.ArrowException) as error:
        raise IntegrityError(
            f"this file cannot be read: {error}", expected="a Parquet file", where=str(path)
        ) from error


def paired(path: Path, n: int, d: int) -> Iterator[Block]:
    """Yield the (n, d) float32 rows that end a file, with the ids of the ids.parquet beside it.

    Raises
    ------
    IntegrityError
        If there are not as many ids as rows.
    """
    end = 0
    vectors = read_rows(path, n, d)
    for doc_ids in read_ids(path.parent, BLOCK_ROWS):
        end += len(doc_ids)
        block = next(vectors, None)
        if block is None or len(block) != len(doc_ids):
            break
        yield Block(doc_ids, block)
    same_length(n, end, path)


def same_length(found: int, expected: int, path: Path) -> None:
    """Raise IntegrityError unless a file of vectors has as many rows as there are ids."""
    if found != expected:
        raise IntegrityError(f"{found} vectors", expected=f"{expected}, as ids.parquet has", where=str(path))
