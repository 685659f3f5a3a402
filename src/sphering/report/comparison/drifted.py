"""Two releases in which a text has the same vector: how far their documents drifted apart."""

from __future__ import annotations

import numpy as np

from sphering.geometry.bures import covariance_shift, frechet, frechet_by_chance
from sphering.geometry.classifier import domain_auc
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.moments import Moments
from sphering.geometry.shift import mean_shift, mean_shift_cosine
from sphering.report.comparison.texts import Strangers, Vectors
from sphering.report.measured import Json, as_sample, number

SAME_TEXTS = "both releases have the same texts"


def drift_metrics(a: Moments, b: Moments, shared: int, max_drift: float | None) -> dict[str, Json]:
    """Return what the moments of two releases say of their documents, exactly.

    `chance` is what two random draws of so many documents from one population would give, `shared` of them in both.

    Parameters
    ----------
    a, b : Moments
        Over documents.
    shared : int
        Documents that both have.
    max_drift : float or None
        The bound that drift is a share of.
    """
    moved = frechet(a, b)
    metrics = {
        "drift": number(moved, "documents"),
        "drift_share": number(_share(moved, max_drift), "documents"),
        "mean_shift": number(mean_shift(a, b), "documents"),
        "mean_shift_cosine": number(mean_shift_cosine(a, b), "documents"),
        "covariance_shift": number(covariance_shift(a, b), "documents"),
    }
    inverse = 1 / a.n + 1 / b.n - 2 * shared / (a.n * b.n) if a.n and b.n else 0.0
    if moved.value is not None:
        metrics["drift"]["chance"] = frechet_by_chance(a, max(inverse, 0.0))
    if metrics["mean_shift"]["value"] is not None:
        metrics["mean_shift"]["chance"] = float(np.sqrt(max(inverse, 0.0)))
    return metrics


def _share(moved: Estimate, max_drift: float | None) -> Estimate:
    if moved.value is None:
        return moved
    if max_drift is None:
        return undefined("no record says which max_drift the run had", moved.n)
    return exact(moved.value / max_drift, moved.n)


def classifier_metric(strangers: Strangers | None, own: Vectors, others: Vectors, seed: int) -> Json:
    """Return how well the texts of one release alone are told from those of the other.

    Parameters
    ----------
    strangers : Strangers or None
    own, others : ndarray
        Their vectors in the space that is looked at, finite.
    """
    if strangers is None:
        return {**number(undefined(SAME_TEXTS), "texts"), "chance": 0.5}
    whole = len(strangers.own) == strangers.own_texts and len(strangers.others) == strangers.other_texts
    found = as_sample(domain_auc(own, others, seed), whole=whole, seed=seed)
    between = {"only": strangers.side, "own_texts": strangers.own_texts, "other_texts": strangers.other_texts}
    return {**number(found, "texts"), "chance": 0.5, "between": between}
