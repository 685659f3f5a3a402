"""The moments of a snapshot's raw vectors, taken once a run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from sphering.geometry.moments import Moments
from sphering.progress import current
from sphering.run.database import tonights_snapshot
from sphering.run.workspace import Workspace
from sphering.store.snapshot import Snapshot

_lock = threading.Lock()


def raw_moments(workspace: Workspace, weights: Literal["documents", "texts"] = "documents") -> Moments:
    """Return the moments of tonight's snapshot, over documents or over distinct texts.

    They are kept in the workspace, so that the fit and the report read the vectors once.
    """
    path = workspace.path / f"moments-{weights}.safetensors"
    with _lock:
        if not path.is_file():
            snapshot = tonights_snapshot(workspace)
            moments = _measure(snapshot, _blocks(snapshot, weights))
            save_file(moments.to_arrays(), path)
    return Moments.from_arrays(load_file(path))


def _measure(snapshot: Snapshot, blocks: Iterator[NDArray[np.float32]]) -> Moments:
    moments = Moments.empty(snapshot.dimension)
    for block in blocks:
        moments.update(block)
        current().advance("fit", len(block))
    return moments


def _blocks(snapshot: Snapshot, weights: str) -> Iterator[NDArray[np.float32]]:
    if weights == "documents":
        yield from snapshot.vectors()
        return
    rows = snapshot.distinct_texts()
    shards, positions = rows["shard"].to_numpy(), rows["row"].to_numpy()
    for shard in np.unique(shards):
        yield snapshot.take(shards[shards == shard], positions[shards == shard])
