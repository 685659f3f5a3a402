"""The moments of long stretches of shards, kept beside the shards: nobody reads all vectors of a corpus every night.

A file of moments has 8 d² bytes whatever it is of, so that of one shard of usual size would be a third of the shard. A
stretch of 512 d rows has 256 times the bytes of its moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sphering.errors import InputError
from sphering.geometry.moments import MOMENTS_VERSION, Moments, merged
from sphering.identity import sha256_bytes, short_id
from sphering.run.weights import COLUMNS, batch_weights
from sphering.store.corpus import CorpusStore
from sphering.store.database import bounded_connection
from sphering.store.manifest import SnapshotManifest
from sphering.store.shard import EMBEDDING, read_batches, vector_rows
from sphering.store.snapshot import BLOCK_ROWS, Snapshot
from sphering.transform.affine import Transform
from sphering.transform.image import moments_of

ROWS_A_DIMENSION = 512
_SEAL = "sha256"


@dataclass(frozen=True)
class Stretch:
    """Consecutive shards of a snapshot whose moments are taken together: long ones are kept, others are one shard."""

    positions: range
    long: bool

    def shards(self, manifest: SnapshotManifest) -> tuple[str, ...]:
        """Return the ids of its shards."""
        return tuple(manifest.shards[position].id for position in self.positions)


def stretches(manifest: SnapshotManifest) -> list[Stretch]:
    """Return the stretches of a snapshot, in the order of its shards.

    New shards stand at the end, so the long stretches of one night are those of the next. The shards after the last
    long one stand alone.
    """
    found: list[Stretch] = []
    start = rows = 0
    for position, entry in enumerate(manifest.shards):
        rows += entry.rows
        if rows >= ROWS_A_DIMENSION * manifest.dimension:
            found.append(Stretch(range(start, position + 1), long=True))
            start, rows = position + 1, 0
    return found + [Stretch(range(each, each + 1), long=False) for each in range(start, len(manifest.shards))]


@dataclass(frozen=True)
class Subject:
    """What moments are of: raw vectors, the images of a transform, or raw vectors that count by a column's weights."""

    transform: Transform | None = None
    weights: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns of a shard that they are taken from."""
        return [EMBEDDING, *(COLUMNS if self.weights is not None else ())]

    def moments(self, snapshot: Snapshot, batches: Iterable[pa.RecordBatch]) -> Moments:
        """Return the moments of batches of a snapshot's documents."""
        if self.weights is None:
            return moments_of((vector_rows(each.column(0)) for each in batches), snapshot.dimension, self.transform)
        moments = Moments.empty(snapshot.dimension)
        with bounded_connection(snapshot.bounds) as connection:
            for batch in batches:
                moments.update(vector_rows(batch.column(0)), batch_weights(connection, batch, self.weights))
        return moments


def moments_id(shards: Sequence[str], transform: str | None, weights: str | None = None) -> str:
    """Return the id of the moments of a stretch: raw or under the transform of a SHA-256, or by a column's weights."""
    of = {
        "shards": list(shards),
        "transform": transform or "raw",
        "labels": None,
        "weights": weights,
        "v": MOMENTS_VERSION,
    }
    return short_id(of)


def stretch_moments(corpus: CorpusStore, snapshot: Snapshot, stretch: Stretch, subject: Subject) -> Moments:
    """Return the moments of a stretch's documents.

    Those of a long one are kept, over all rows of its shards; rows that the snapshot leaves out are then subtracted.
    Where that would not be exact, and in a short one, the vectors are read.

    Raises
    ------
    InputError
        If a document has no weight where it needs one.
    """
    if stretch.long:
        rest = _without_dropped(corpus, snapshot, stretch, subject)
        if rest is not None:
            return rest
    return merged(
        subject.moments(snapshot, snapshot.shard_batches(position, subject.columns)) for position in stretch.positions
    )


def _without_dropped(corpus: CorpusStore, snapshot: Snapshot, stretch: Stretch, subject: Subject) -> Moments | None:
    """Return the kept moments less those of dropped rows; None where that is not exact or such a row has no weight."""
    dropped = [position for position in stretch.positions if len(snapshot.dropped_rows(position))]
    try:
        whole = _kept(corpus, snapshot, stretch, subject)
    except InputError:
        if dropped and subject.weights is not None:
            return None
        raise
    if not dropped:
        return whole
    gone = (
        batch
        for position in dropped
        for batch in batches_of_rows(snapshot, position, snapshot.dropped_rows(position), subject.columns)
    )
    return whole.without(subject.moments(snapshot, gone))


def batches_of_rows(
    snapshot: Snapshot, position: int, rows: NDArray[np.int64], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Yield some rows of a shard, (m,) int64 ascending, those that the snapshot leaves out among them."""
    start = 0
    for batch in read_batches(snapshot.paths[position], columns, BLOCK_ROWS):
        low, high = np.searchsorted(rows, [start, start + batch.num_rows])
        if high > low:
            yield batch.take(pa.array(rows[low:high] - start))
        start += batch.num_rows


def _kept(corpus: CorpusStore, snapshot: Snapshot, stretch: Stretch, subject: Subject) -> Moments:
    """Return the moments of all rows of a stretch from their file, which is made where it is absent or damaged."""
    shards = stretch.shards(snapshot.manifest)
    name = moments_id(shards, subject.transform.sha256 if subject.transform else None, subject.weights)
    key = corpus.layout.moments(snapshot.manifest.encoder, shards[0], name)
    found = _read(corpus, key)
    if found is None:
        found = merged(
            subject.moments(snapshot, read_batches(snapshot.paths[position], subject.columns, BLOCK_ROWS))
            for position in stretch.positions
        )
        arrays = found.to_arrays()
        corpus.files.replace(key, save(arrays, {_SEAL: sha256_bytes(save(arrays))}))
    return found


def _read(corpus: CorpusStore, key: str) -> Moments | None:
    """Return kept moments; None where there are none, or their bytes are not those that were written."""
    if not corpus.files.exists(key):
        return None
    try:
        with safe_open(corpus.files.path(key), framework="numpy") as file:
            arrays: dict[str, NDArray[Any]] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            seal = (file.metadata() or {}).get(_SEAL)
    except (SafetensorError, OSError):
        return None
    return Moments.from_arrays(arrays) if seal == sha256_bytes(save(arrays)) else None
