"""ids.parquet beside vectors that have no ids of their own: row_id, dense from 0, to doc_id, uuid and metadata."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.matrix.files import BLOCK_ROWS, IDS, IDS_SCHEMA, ROW_GROUP_ROWS
from sphering.export.matrix.ordered import write_table
from sphering.export.protocol import Block, ExportJob


def place(source: Path, folder: Path) -> None:
    """Put a finished file of the matrix into a folder under its own name: a link, or a copy across file systems."""
    try:
        os.link(source, folder / source.name)
    except OSError:
        shutil.copyfile(source, folder / source.name)


def write_ids(job: ExportJob) -> None:
    """Write the ids of an export's rows; those of the whole matrix are there already."""
    if job.rows.whole_documents:
        place(job.matrix.directory / IDS, job.folder)
    else:
        write_table(job.folder / IDS, IDS_SCHEMA, job.rows.documents(ROW_GROUP_ROWS))


def read_ids(folder: Path, rows: int = BLOCK_ROWS) -> Iterator[pa.Array]:
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
                if not np.array_equal(row_ids, np.arange(start, start + len(row_ids))):
                    raise IntegrityError("row_id is not dense and ascending", where=str(path))
                start += len(row_ids)
                yield batch.column(1)
    except (OSError, pa.ArrowException) as error:
        raise IntegrityError(
            f"this file cannot be read: {error}", expected="a Parquet file", where=str(path)
        ) from error


def paired(vectors: Iterator[NDArray[np.float32]], n: int, folder: Path, name: str) -> Iterator[Block]:
    """Yield blocks of BLOCK_ROWS vectors with the ids of the ids.parquet beside them.

    Parameters
    ----------
    vectors : iterator of ndarray
        In blocks of BLOCK_ROWS rows, the last one shorter.
    n : int
        How many there are in all.
    folder : Path
    name : str
        The file, or files, that they come from.

    Raises
    ------
    IntegrityError
        If there are not as many ids as rows.
    """
    end = 0
    for doc_ids in read_ids(folder):
        end += len(doc_ids)
        block = next(vectors, None)
        if block is None or len(block) != len(doc_ids):
            break
        yield Block(doc_ids, block)
    same_length(n, end, folder / name)


def same_length(found: int, expected: int, path: Path) -> None:
    """Raise IntegrityError unless a file of vectors has as many rows as there are ids."""
    if found != expected:
        raise IntegrityError(f"{found} vectors", expected=f"{expected}, as ids.parquet has", where=str(path))
