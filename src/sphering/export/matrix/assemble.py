"""From a snapshot and a transform to the matrix: one sort of the ids, one pass over the vectors."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.errors import EmptyCorpusError, IdentityError, IntegrityError
from sphering.export.matrix import ordered
from sphering.export.matrix.equality import count_duplicates
from sphering.export.matrix.files import (
    EXCLUDED,
    EXCLUDED_SCHEMA,
    HELD_OUT,
    ROW_GROUP_ROWS,
    VECTORS,
    Matrix,
    MatrixFacts,
)
from sphering.progress import current
from sphering.store.files import reserve
from sphering.store.shard import EMBEDDING, vector_rows
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform
from sphering.transform.guard import check_vectors

MAX_NORM_ERROR = 2e-7
VANISHED = "the transform leaves nothing of this vector but rounding noise"
_MAPPED_BYTES = 32 * 2**20  # of rows: scattered, each takes one or two pages of 4 kB of a mapping


def make_matrix(snapshot: Snapshot, transform: Transform, directory: Path, *, memory: str = "1GB") -> Matrix:
    """Return the matrix of a snapshot under a transform, made in `directory` unless it is there already.

    Vectors are read once, transformed in float64 and scattered to their place in `doc_id` order. What the transform
    makes (nearly) zero is left out and listed. Memory: a block of vectors, 10 bytes a document for its place, and 60
    at the end, for the count of equal vectors.

    Parameters
    ----------
    snapshot : Snapshot
    transform : Transform
    directory : Path
        A local folder, kept for all exports of the release.
    memory : str
        DuckDB's memory limit for the sort of the ids; beyond it the sort spills into `directory`.

    Raises
    ------
    IdentityError
        If the transform was fitted on vectors of another encoder, by its name or by its first vectors.
    IntegrityError
        If a vector is not finite or not of norm 1.
    EmptyCorpusError
        If no vector is left.
    """
    finished = Matrix.load(directory)
    if finished is not None:
        return finished
    _check_encoder(snapshot, transform)
    directory.mkdir(parents=True, exist_ok=True)
    places = ordered.sort_documents(snapshot, directory, memory)
    filled, max_norm_error = _scatter(snapshot, transform, directory / VECTORS, places)
    if not filled.any():
        raise EmptyCorpusError(
            "the transform leaves nothing of any vector",
            where=f"snapshot {snapshot.id}, transform {transform.kind}",
            remedy='set kind = "none" under [transform]',
        )
    _leave_out(directory, filled)
    matrix = Matrix(
        directory,
        MatrixFacts(
            n=int(filled.sum()),
            d=transform.dimension_out,
            excluded=int((~filled).sum()),
            duplicate_vectors=count_duplicates(directory / VECTORS),
            max_norm_error=max_norm_error,
            snapshot=snapshot.id,
            transform_sha256=transform.sha256,
        ),
    )
    matrix.save()
    return matrix


def _check_encoder(snapshot: Snapshot, transform: Transform) -> None:
    if transform.encoder != snapshot.manifest.encoder:
        raise IdentityError(
            f"the transform was fitted on vectors of the encoder {transform.encoder}",
            expected=f"the encoder {snapshot.manifest.encoder}, whose vectors the snapshot {snapshot.id} holds",
            remedy="fit a transform on this snapshot: `sphering fit`",
        )


def _scatter(
    snapshot: Snapshot, transform: Transform, path: Path, places: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], float]:
    """Write the transformed vectors to their places; return which rows are not zero, and max |norm − 1|."""
    out: Any = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(len(places), transform.dimension_out)
    )
    reserve(path)
    filled = np.zeros(len(places), dtype=bool)
    worst, start, mapped = 0.0, 0, 0
    progress = current()
    for batch in snapshot.batches([EMBEDDING]):
        raw = vector_rows(batch.column(0))
        if start == 0:  # shards are in the order of hashes, so that their first rows are a sample
            check_vectors(transform, raw)
        rows = transform.apply(raw)
        place = places[start : start + len(rows)]
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        filled[place] = norms > 0
        worst = max(worst, _worst_norm(norms))
        out[place] = rows
        start += len(rows)
        mapped += rows.nbytes
        if mapped > _MAPPED_BYTES:
            # Pages of a shared mapping count as this process' memory until they are given back; the bytes stay.
            out._mmap.madvise(mmap.MADV_DONTNEED)
            mapped = 0
        progress.advance("export", len(rows))
    out.flush()
    if start != len(places):
        raise IntegrityError(
            f"the snapshot gave {len(places)} ids and {start} vectors",
            where=f"snapshot {snapshot.id}",
            remedy="run `sphering verify`",
        )
    return filled, worst


def _worst_norm(norms: NDArray[np.float64]) -> float:
    """Return max |norm − 1| over rows that are not zero; refuse what is not finite or not of norm 1."""
    kept = norms[norms != 0]
    worst = float(np.max(np.abs(kept - 1.0), initial=0.0))
    if not worst <= MAX_NORM_ERROR:
        raise IntegrityError(
            f"a transformed vector has |norm − 1| = {worst:.3g}",
            expected=f"at most {MAX_NORM_ERROR:g}",
            remedy="run `sphering verify`; this is a defect of the transform",
        )
    return worst


def _leave_out(directory: Path, filled: NDArray[np.bool_]) -> None:
    """Compact vectors, ids and the held-out mask to the rows that are filled; list the others."""
    gone, held_out = ordered.write_ids(directory, filled)
    np.save(directory / HELD_OUT, held_out)
    pq.write_table(
        pa.table({"doc_id": gone, "reason": pa.array([VANISHED] * len(gone), pa.string())}, schema=EXCLUDED_SCHEMA),
        directory / EXCLUDED,
    )
    if not filled.all():
        _compact(directory / VECTORS, filled)


def _compact(path: Path, filled: NDArray[np.bool_]) -> None:
    source = np.load(path, mmap_mode="r")
    beside = path.with_name(f".{path.name}")
    shape = (int(filled.sum()), source.shape[1])
    out = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float32, shape=shape)
    reserve(beside)
    end = 0
    for start in range(0, len(source), ROW_GROUP_ROWS):
        kept = source[start : start + ROW_GROUP_ROWS][filled[start : start + ROW_GROUP_ROWS]]
        out[end : end + len(kept)] = kept
        end += len(kept)
    out.flush()
    beside.replace(path)
