"""What `kind = "auto"` means for tonight's snapshot where an evaluation can tell: the map that held-out items prefer.

Items are dealt to five folds by the hashes of the texts that they score. A fold is scored under maps that were fitted
without the documents of its texts, so that no map is judged on what it was fitted on. Where the corpus has
none of the texts there is nothing to leave out, and one fit serves all folds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import UnfittableError
from sphering.evaluation.measure import supervisions
from sphering.evaluation.supervision import Hashes, Supervision
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import spectrum
from sphering.run.database import tonights_snapshot
from sphering.run.evaluate import kept_evaluation
from sphering.run.held_out import moments_without
from sphering.run.workspace import Workspace
from sphering.transform.application import apply_affine
from sphering.transform.candidates import Candidate, candidates
from sphering.transform.choice import Choice
from sphering.transform.fit import fit_map
from sphering.transform.selection import RESAMPLES, Selection, select

FOLDS = 5
LEAST_ITEMS = 30
"""Of 20 items noise alone would take a candidate in 3.5 % of draws, of 5 in 11 %, where 2.5 % are meant."""
Json = dict[str, Any]
Items = NDArray[np.int64]


def choose_by_evaluation(workspace: Workspace) -> Choice | str:
    """Return the choice of tonight's evaluation, or why it cannot tell.

    The first of scored pairs, queries, halves and labels that the evaluation has with 30 items or more decides.

    Cost: ten fits and ten scorings of all items a fold, and 2,000 statistics a candidate.
    """
    evaluation, report = kept_evaluation(workspace), workspace.config.report
    if evaluation is None:
        return "there is no evaluation"
    found = supervisions(evaluation, tonights_snapshot(workspace), report.sample)
    enough = [each for each in found if each.items >= LEAST_ITEMS]
    if not enough:
        return f"the evaluation has fewer than {LEAST_ITEMS} items of any kind"
    try:
        return _chosen(workspace, enough[0])
    except UnfittableError as error:  # too little is left to fit on without what a fold scores
        return str(error).splitlines()[0]


def _chosen(workspace: Workspace, supervision: Supervision) -> Choice:
    config, seed = workspace.config.transform, workspace.config.report.seed
    folds = fold_of_items(supervision.hashes)
    texts = {fold: _texts(supervision.hashes, np.flatnonzero(folds == fold)) for fold in np.unique(folds).tolist()}
    fitted_on = [
        (np.flatnonzero(folds == fold), moments)
        for fold, moments in moments_without(workspace, config.weights, texts).items()
    ]
    scores = _HeldOutScores(supervision, _one_fit_where_equal(fitted_on))
    selection = select(candidates(config), scores, supervision.reduce, seed)
    return Choice(selection.choice.config, _document(selection, supervision, seed))


def fold_of_items(hashes: Hashes) -> Items:
    """Return the fold of each item, from the smallest hash of the texts that it scores; by turns where it has none."""
    return np.array(
        [int.from_bytes(min(own)[:8]) % FOLDS if own else item % FOLDS for item, own in enumerate(hashes)], np.int64
    )


def _texts(hashes: Hashes, items: Items) -> set[bytes]:
    return {text for item in items.tolist() for text in hashes[item]}


def _one_fit_where_equal(parts: list[tuple[Items, Moments]]) -> list[tuple[Items, Moments]]:
    """Return the folds with those in one that have the same moments, because the corpus lacks their texts."""
    joined: dict[int, tuple[list[Items], Moments]] = {}
    for items, moments in parts:
        joined.setdefault(id(moments), ([], moments))[0].append(items)
    return [(np.concatenate(items), moments) for items, moments in joined.values()]


class _HeldOutScores:
    """The score of each item under a candidate that is fitted without what the item scores."""

    def __init__(self, supervision: Supervision, parts: list[tuple[Items, Moments]]) -> None:
        self._supervision = supervision
        self._parts = [(items, moments, spectrum(moments) if moments.n > 1 else None) for items, moments in parts]

    def __call__(self, candidate: Candidate) -> Array:
        found = np.empty(self._supervision.items)
        for items, moments, spectral in self._parts:
            affine = fit_map(candidate.config, moments, spectral)
            found[items] = self._supervision.values(
                lambda vectors, affine=affine: apply_affine(vectors, affine.mean, affine.matrix),  # type: ignore[misc]
                items,
            )
        return found


def _document(selection: Selection[Candidate], supervision: Supervision, seed: int) -> Json:
    trials = [
        {
            "candidate": trial.candidate.name,
            "value": trial.value,
            "against": None if trial.against is None else trial.against.name,
            "gain": trial.gain,
            "interval": None if trial.interval is None else list(trial.interval),
            "taken": trial.taken,
            "reason": trial.reason,
        }
        for trial in selection.trials
    ]
    return {
        "by": supervision.kind,
        "metric": supervision.metric,
        "items": supervision.items,
        "folds": FOLDS,
        "resamples": RESAMPLES,
        "seed": seed,
        "choice": selection.choice.name,
        "trials": trials,
    }
