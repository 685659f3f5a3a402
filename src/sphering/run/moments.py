"""The moments of a snapshot, of each shard and merged in the manifest's order, taken once a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from safetensors.numpy import load_file, save_file

from sphering.geometry.moments import Moments, merged
from sphering.progress import current
from sphering.run.database import tonights_snapshot
from sphering.run.shard_moments import shard_moments
from sphering.run.workspace import Workspace
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform
from sphering.transform.image import moments_of

_lock = threading.Lock()


def raw_moments(workspace: Workspace, weights: Literal["documents", "texts"] = "documents") -> Moments:
    """Return the moments of tonight's snapshot, over documents or over distinct texts.

    They are kept in the workspace, so that the fit and the report take them once.
    """
    if weights == "documents":
        return _once(workspace, "raw", lambda: _of_shards(workspace, None, "fit"))
    return _once(workspace, "texts", lambda: merged(_counted(_of_distinct_texts(tonights_snapshot(workspace)), "fit")))


def transformed_moments(workspace: Workspace, transform: Transform) -> Moments:
    """Return the moments of tonight's snapshot under a transform, over documents."""
    return _once(workspace, transform.sha256[:16], lambda: _of_shards(workspace, transform, "report"))


def _once(workspace: Workspace, name: str, take: Callable[[], Moments]) -> Moments:
    path = workspace.path / f"moments-{name}.safetensors"
    with _lock:
        if not path.is_file():
            save_file(take().to_arrays(), path)
    return Moments.from_arrays(load_file(path))


def _of_shards(workspace: Workspace, transform: Transform | None, step: str) -> Moments:
    snapshot = tonights_snapshot(workspace)
    positions = range(len(snapshot.paths))
    return merged(_counted((shard_moments(workspace.corpus, snapshot, each, transform) for each in positions), step))


def _of_distinct_texts(snapshot: Snapshot) -> Iterator[Moments]:
    places = snapshot.distinct_texts()
    shards, rows = places["shard"].to_numpy(), places["row"].to_numpy()
    for shard in np.unique(shards):
        mine = shards == shard
        yield moments_of([snapshot.take(shards[mine], rows[mine])], snapshot.dimension)


def _counted(parts: Iterator[Moments], step: str) -> Iterator[Moments]:
    for part in parts:
        current().advance(step, part.rows)
        yield part
