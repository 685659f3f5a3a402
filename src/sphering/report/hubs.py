"""The hubness of a sample as numbers and as a histogram of the k-occurrence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate, undefined
from sphering.geometry.hubness import HUBNESS, hubness, hubness_errors, k_occurrence, occurrence_counts
from sphering.geometry.jackknife import GROUPS
from sphering.geometry.neighbours import Rows
from sphering.report.measured import Intervals, Json, as_sample, number, share_interval, student_interval


def hubness_metrics(
    vectors: NDArray[np.float32], rows: Rows | None, k: int, seed: int, *, whole: bool
) -> dict[str, Json]:
    """Return the numbers of hubness of a sample's neighbours by cosine; without a value where there are none."""
    n = len(vectors)
    missing = undefined(f"{n} vectors have no {k} neighbours each", n)
    estimates = dict.fromkeys(HUBNESS, missing) if rows is None else hubness(rows)
    intervals: Intervals = {} if whole or rows is None else hubness_intervals(vectors, k, estimates)
    return {
        name: number(as_sample(estimate, whole=whole, seed=seed, interval=intervals.get(name)), "texts")
        for name, estimate in estimates.items()
    }


def hubness_intervals(vectors: NDArray[np.float32], k: int, estimates: Mapping[str, Estimate]) -> Intervals:
    """Return the intervals of the numbers of hubness among as many texts as these are.

    Student's with the errors of the jackknife; a share of antihubs has Wilson's where that is wider, since there may be
    hardly any of them.
    """
    kept = vectors[vectors.any(axis=1)]
    errors = hubness_errors(kept, k) if len(kept) > k + 1 else {}
    return {name: _interval(name, estimates[name], error) for name, error in errors.items()}


def _interval(name: str, estimate: Estimate, error: float) -> tuple[float, float]:
    value = estimate.value or 0.0
    low, high = student_interval(value, error, GROUPS)
    if name == "hubness_skewness":
        return low, high
    if name == "hubness_antihub":
        least, most = share_interval(value, estimate.n)
        low, high = min(low, least), max(high, most)
    return max(low, 0.0), min(high, 1.0)


def occurrence_json(rows: Rows | None, *, whole: bool) -> Json | None:
    """Return how many texts are among the k nearest neighbours of 0, 1, … others; None where there are too few."""
    if rows is None:
        return None
    return {
        "k": rows.shape[1],
        "counts": occurrence_counts(k_occurrence(rows)).tolist(),
        "n": len(rows),
        "kind": "exact" if whole else "sampled",
    }
