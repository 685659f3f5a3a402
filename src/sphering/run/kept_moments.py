"""The moments of long stretches of shards, kept beside the shards: nobody reads all vectors of a corpus every night.

A file of moments has 8 d² bytes whatever it is of, so that of one shard of usual size would be a third of the shard. A
stretch of 512 d rows has 256 times the bytes of its moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sphering.geometry.moments import MOMENTS_VERSION, Moments, merged
from sphering.identity import sha256_bytes, short_id
from sphering.store.corpus import CorpusStore
from sphering.store.shard import EMBEDDING, read_batches, take_vectors, vector_rows
from sphering.store.snapshot import BLOCK_ROWS, Snapshot, SnapshotManifest
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


def moments_id(shards: Sequence[str], transform: str | None) -> str:
    """Return the id of the moments of a stretch, raw or under the transform of a SHA-256."""
    of = {
        "shards": list(shards),
        "transform": transform or "raw",
        "labels": None,
        "weights": None,
        "v": MOMENTS_VERSION,
    }
    return short_id(of)


def stretch_moments(corpus: CorpusStore, snapshot: Snapshot, stretch: Stretch, transform: Transform | None) -> Moments:
    """Return the moments of a stretch's documents, raw or under a transform.

    Those of a long one are kept, over all rows of its shards; rows that the snapshot leaves out are then subtracted.
    Where that would not be exact, and in a short one, the vectors are read.
    """
    if stretch.long:
        rest = _without_dropped(_kept(corpus, snapshot, stretch, transform), snapshot, stretch, transform)
        if rest is not None:
            return rest
    return merged(
        moments_of(snapshot.shard_vectors(position), snapshot.dimension, transform) for position in stretch.positions
    )


def _without_dropped(
    whole: Moments, snapshot: Snapshot, stretch: Stretch, transform: Transform | None
) -> Moments | None:
    gone = {position: snapshot.dropped_rows(position) for position in stretch.positions}
    vectors = [
        take_vectors(snapshot.paths[position], rows, snapshot.dimension) for position, rows in gone.items() if len(rows)
    ]
    return whole.without(moments_of(vectors, snapshot.dimension, transform)) if vectors else whole


def _kept(corpus: CorpusStore, snapshot: Snapshot, stretch: Stretch, transform: Transform | None) -> Moments:
    """Return the moments of all rows of a stretch from their file, which is made where it is absent or damaged."""
    shards = stretch.shards(snapshot.manifest)
    name = moments_id(shards, transform.sha256 if transform else None)
    key = corpus.layout.moments(snapshot.manifest.encoder, shards[0], name)
    found = _read(corpus, key)
    if found is None:
        found = merged(
            moments_of(_all_rows(snapshot, position), snapshot.dimension, transform) for position in stretch.positions
        )
        arrays = found.to_arrays()
        corpus.files.replace(key, save(arrays, {_SEAL: sha256_bytes(save(arrays))}))
    return found


def _all_rows(snapshot: Snapshot, position: int) -> Iterator[NDArray[np.float32]]:
    for batch in read_batches(snapshot.paths[position], [EMBEDDING], BLOCK_ROWS):
        yield vector_rows(batch.column(0))


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
