"""The moments of a snapshot, of its stretches and merged in the manifest's order, taken once a run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from safetensors.numpy import load_file, save_file

from sphering.config.model import DOCUMENTS, TEXTS
from sphering.cores import available_cores
from sphering.geometry.moments import Moments, merged
from sphering.identity import short_id
from sphering.progress import current
from sphering.run.database import tonights_snapshot
from sphering.run.kept_moments import Stretch, Subject, stretch_moments, stretches
from sphering.run.weights import check_weighted
from sphering.run.workspace import Workspace
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform
from sphering.transform.image import moments_of

_AT_ONCE = 4  # each holds a block of float64 rows, 50 MB at most for 384 dimensions
_lock = threading.Lock()


def raw_moments(workspace: Workspace, weights: str = DOCUMENTS) -> Moments:
    """Return the moments of tonight's snapshot: over documents, over distinct texts, or by the weights of a column.

    They are kept in the workspace, so that the fit and the report take them once.

    Parameters
    ----------
    workspace : Workspace
    weights : str
        ``documents``, ``texts``, or a metadata column.

    Raises
    ------
    InputError
        If a document has no weight in the column, or nothing is left to fit on.
    """
    if weights == DOCUMENTS:
        return _once(workspace, "raw", lambda: _of_shards(workspace, Subject(), "fit"))
    if weights == TEXTS:
        distinct = _of_distinct_texts(tonights_snapshot(workspace))
        return _once(workspace, "texts", lambda: merged(_counted(distinct, "fit")))
    name = f"weighted-{short_id({'weights': weights})}"
    moments = _once(workspace, name, lambda: _of_shards(workspace, Subject(weights=weights), "fit"))
    check_weighted(moments, weights)
    return moments


def transformed_moments(workspace: Workspace, transform: Transform) -> Moments:
    """Return the moments of tonight's snapshot under a transform, over documents."""
    return _once(workspace, transform.sha256[:16], lambda: _of_shards(workspace, Subject(transform), "report"))


def _once(workspace: Workspace, name: str, take: Callable[[], Moments]) -> Moments:
    path = workspace.path / f"moments-{name}.safetensors"
    with _lock:
        if not path.is_file():
            save_file(take().to_arrays(), path)
    return Moments.from_arrays(load_file(path))


def _of_shards(workspace: Workspace, subject: Subject, step: str) -> Moments:
    snapshot = tonights_snapshot(workspace)

    def take(stretch: Stretch) -> Moments:
        return stretch_moments(workspace.corpus, snapshot, stretch, subject)

    with ThreadPoolExecutor(min(available_cores(), _AT_ONCE)) as pool:
        return merged(_counted(_in_order(pool, take, stretches(snapshot.manifest)), step))


def _in_order(
    pool: ThreadPoolExecutor, take: Callable[[Stretch], Moments], parts: Iterable[Stretch]
) -> Iterator[Moments]:
    """Yield the moments of each stretch in the manifest's order, with a few more under way: none waits in memory."""
    ahead: deque[Future[Moments]] = deque()
    for part in parts:
        ahead.append(pool.submit(take, part))
        if len(ahead) > _AT_ONCE:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


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
