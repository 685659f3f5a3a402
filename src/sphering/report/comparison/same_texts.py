"""Two releases in which a text has another vector: what that changes, by the texts that both have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.cka import linear_cka, linear_cka_debiased, rbf_cka
from sphering.geometry.duplicates import distinct_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.neighbours import neighbours, overlap
from sphering.geometry.procrustes import procrustes_by_chance, procrustes_residual
from sphering.geometry.similarity import THRESHOLDS, PairedCosines, Threshold
from sphering.report.comparison.catalogue import SAME_TEXTS
from sphering.report.comparison.texts import Vectors
from sphering.report.measured import Json, as_sample, number, share_interval

LEAST = 12
NEIGHBOURS = 10


def equality(left: Vectors, right: Vectors, *, whole: bool, seed: int) -> dict[str, Json]:
    """Return whether the vectors of the common texts are equal, as they are under one encoder (promise 1).

    Parameters
    ----------
    left, right : ndarray, shape (n, d)
        Finite rows, none of them zero.
    """
    n = len(left)
    if n == 0:
        missing = number(undefined("the releases have no text in common"), "texts")
        return {"equal_texts_share": missing, "max_cosine_distance": missing}
    equal = float((left == right).all(axis=1).mean())
    largest = float(_cosine_distances(left, right).max())
    share = as_sample(exact(equal, n), whole=whole, seed=seed, interval=share_interval(equal, n))
    return {
        "equal_texts_share": number(share, "texts"),
        "max_cosine_distance": number(exact(largest, n), "texts"),
    }


def _cosine_distances(left: Vectors, right: Vectors) -> NDArray[np.float64]:
    """Return ‖u − v‖²/2 of the unit vectors: 1 − u·v would lose the digits of small distances."""
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left.astype(float), right.astype(float))]
    return np.asarray(np.sum((units[0] - units[1]) ** 2, axis=1) / 2.0)


def same_text_metrics(
    left: Vectors, right: Vectors, *, pairs: int, whole: bool, seed: int
) -> tuple[dict[str, Json], list[Json]]:
    """Return the metrics of the same texts in two spaces, and which cosine of B means what one means in A.

    Parameters
    ----------
    left, right : ndarray, shapes (n, d) and (n, d')
        The vectors of common texts in the order of their hashes; finite, none of them zero.
    pairs : int
        Rows, from the first on, whose pairs are looked at.
    whole : bool
        Whether these are all common texts.
    seed : int
    """
    if len(left) < LEAST:
        reason = f"{len(left)} common texts: fewer than {LEAST} say nothing of how a space changed"
        return {name: number(undefined(reason, len(left)), "texts") for name in SAME_TEXTS}, _no_thresholds(reason)
    few, of_few = (left[:pairs], right[:pairs]), whole and len(left) <= pairs
    cosines = PairedCosines(*few)
    ranks = as_sample(cosines.rank_correlation(), whole=of_few, seed=seed)
    found = {
        "knn_overlap": _neighbours_kept(left, right, whole=whole, seed=seed),
        "rsa": {**number(ranks, "texts"), "chance": 0.0},
        "cka_linear": _measured(linear_cka, left, right, whole=whole, seed=seed),
        "cka_linear_debiased": {**_measured(linear_cka_debiased, left, right, whole=whole, seed=seed), "chance": 0.0},
        "cka_rbf": {**_measured(rbf_cka, *few, whole=of_few, seed=seed), "chance": 0.0},
        "procrustes_residual": _procrustes(left, right, whole=whole, seed=seed),
    }
    return found, [_threshold(each, whole=of_few, seed=seed) for each in cosines.thresholds()]


def _measured(
    measure: Callable[[NDArray[Any], NDArray[Any]], Estimate], left: Vectors, right: Vectors, *, whole: bool, seed: int
) -> Json:
    return number(as_sample(measure(left, right), whole=whole, seed=seed), "texts")


def _procrustes(left: Vectors, right: Vectors, *, whole: bool, seed: int) -> Json:
    chance = procrustes_by_chance(left, right, seed)
    found = _measured(procrustes_residual, left, right, whole=whole, seed=seed)
    return found if chance is None else {**found, "chance": chance}


def _neighbours_kept(left: Vectors, right: Vectors, *, whole: bool, seed: int) -> Json:
    """Return the share of neighbours by cosine that are the same, among texts that are not equal in both spaces."""
    chosen = distinct_rows(np.hstack([left, right]))
    n = len(chosen)
    if n < LEAST:
        return number(undefined(f"{n} different vectors have no {NEIGHBOURS} neighbours each", n), "texts")
    with one_blas_thread():
        before, after = (neighbours(rows[chosen], NEIGHBOURS, ["cosine"])["cosine"] for rows in (left, right))
    kept = overlap(before, after)
    estimate = as_sample(exact(kept, n), whole=whole, seed=seed, interval=share_interval(kept, n))
    return {**number(estimate, "texts"), "chance": NEIGHBOURS / (n - 1)}


def _threshold(found: Threshold, *, whole: bool, seed: int) -> Json:
    return {
        "a": found.cosine,
        "share": number(as_sample(found.share, whole=whole, seed=seed), "pairs"),
        "b": number(as_sample(found.equivalent, whole=whole, seed=seed), "pairs"),
    }


def _no_thresholds(reason: str) -> list[Json]:
    missing = number(undefined(reason), "pairs")
    return [{"a": cosine, "share": missing, "b": missing} for cosine in THRESHOLDS]
