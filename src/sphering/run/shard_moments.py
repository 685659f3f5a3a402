"""The moments of one shard, kept beside it where that pays: nobody reads its vectors for them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sphering.geometry.moments import MOMENTS_VERSION, Moments
from sphering.identity import sha256_bytes, short_id
from sphering.store.corpus import CorpusStore
from sphering.store.shard import EMBEDDING, read_batches, take_vectors, vector_rows
from sphering.store.snapshot import BLOCK_ROWS, Snapshot
from sphering.transform.affine import Transform
from sphering.transform.image import moments_of

ROWS_A_DIMENSION = 64  # the file is then a sixteenth of the shard at most
_SEAL = "sha256"


def moments_id(shard: str, transform: str | None) -> str:
    """Return the id of a shard's moments, raw or under the transform of a SHA-256."""
    of = {"shard": shard, "transform": transform or "raw", "labels": None, "weights": None, "v": MOMENTS_VERSION}
    return short_id(of)


def shard_moments(corpus: CorpusStore, snapshot: Snapshot, position: int, transform: Transform | None) -> Moments:
    """Return the moments of one shard's documents, raw or under a transform.

    Those of a big shard are kept, over all of its rows; rows that the snapshot leaves out are then subtracted. Where
    that would not be exact, and for small shards, the vectors are read.
    """
    if snapshot.manifest.shards[position].rows >= ROWS_A_DIMENSION * snapshot.dimension:
        gone = snapshot.dropped_rows(position)
        whole = _kept(corpus, snapshot, position, transform)
        if not len(gone):
            return whole
        part = take_vectors(snapshot.paths[position], gone, snapshot.dimension)
        rest = whole.without(moments_of([part], snapshot.dimension, transform))
        if rest is not None:
            return rest
    return moments_of(snapshot.shard_vectors(position), snapshot.dimension, transform)


def _kept(corpus: CorpusStore, snapshot: Snapshot, position: int, transform: Transform | None) -> Moments:
    """Return the moments of all rows of a shard from their file, which is made where it is absent or damaged."""
    encoder, shard = snapshot.manifest.encoder, snapshot.manifest.shards[position].id
    key = corpus.layout.moments(encoder, shard, moments_id(shard, transform.sha256 if transform else None))
    found = _read(corpus, key)
    if found is None:
        found = moments_of(_all_rows(snapshot, position), snapshot.dimension, transform)
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
