"""The moments of a snapshot without the documents of some texts: what a fit sees that is judged on these."""

from __future__ import annotations

from collections.abc import Mapping, Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sphering.config.model import DOCUMENTS, TEXTS
from sphering.errors import UnfittableError
from sphering.geometry.moments import Moments
from sphering.run.database import tonights_snapshot
from sphering.run.kept_moments import Subject, batches_of_rows
from sphering.run.moments import raw_moments
from sphering.run.workspace import Workspace
from sphering.store.snapshot import Snapshot


def moments_without(workspace: Workspace, weights: str, folds: Mapping[int, Set[bytes]]) -> dict[int, Moments]:
    """Return, for each fold, the moments that a fit is made on, without the documents of the fold's texts.

    They are subtracted from those of the whole, so that the vectors of these documents alone are read.

    Parameters
    ----------
    workspace : Workspace
    weights : str
        As `[transform] weights` has it.
    folds : mapping of int to set of bytes
        SHA-256 of texts, which need not be in the corpus and may be in several folds.

    Raises
    ------
    UnfittableError
        If a fold's texts are of more than half of the documents: the difference would not be exact.
    """
    snapshot, whole = tonights_snapshot(workspace), raw_moments(workspace, weights)
    places = snapshot.places_of_texts(_table(folds))
    if weights == TEXTS:
        places = places.group_by(["fold", "text_hash"], use_threads=False).aggregate(
            [("shard", "first"), ("row", "first")]
        )
        places = places.rename_columns({"shard_first": "shard", "row_first": "row"}).sort_by(
            [("fold", "ascending"), ("shard", "ascending"), ("row", "ascending")]
        )
    subject = Subject(weights=None if weights in (DOCUMENTS, TEXTS) else weights)
    return {
        fold: _less(whole, _moments_of(snapshot, places.filter(pc.field("fold") == fold), subject)) for fold in folds
    }


def _table(folds: Mapping[int, Set[bytes]]) -> pa.Table:
    pairs = [(text, fold) for fold, texts in folds.items() for text in sorted(texts)]
    return pa.table(
        {
            "text_hash": pa.array([text for text, _ in pairs], pa.binary(32)),
            "fold": pa.array([fold for _, fold in pairs], pa.int32()),
        }
    )


def _moments_of(snapshot: Snapshot, places: pa.Table, subject: Subject) -> Moments:
    """Return the moments of the documents at some places, (shard, row) ascending."""
    shards, rows = places["shard"].to_numpy(), places["row"].to_numpy().astype(np.int64)
    batches = (
        batch
        for shard in np.unique(shards).tolist()
        for batch in batches_of_rows(snapshot, shard, rows[shards == shard], subject.columns)
    )
    return subject.moments(snapshot, batches)


def _less(whole: Moments, part: Moments) -> Moments:
    """Return the whole less a part; the whole itself where nothing is to go, so that its bits are kept."""
    left = whole.without(part, norms=False) if part.rows else whole
    if left is None:
        raise UnfittableError(
            f"the evaluation's texts are those of {part.n} of {whole.n} documents: too few are left to fit on",
            expected="a fifth of the evaluated texts to be less than half of the documents",
            where="[evaluation]",
            remedy="evaluate on fewer texts, or name the kind of the transform under [transform]",
        )
    return left
