"""The hubness of a sample as numbers and as a histogram of the k-occurrence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate
from sphering.geometry.hubness import HUBNESS, HUBNESS_SHARES, hubness, k_occurrence, occurrence_counts
from sphering.geometry.neighbours import Rows, neighbours
from sphering.report.measured import BATCHES, Json, batch_intervals

Intervals = dict[str, tuple[float, float]]


def hubness_estimates(rows: Rows | None, missing: Estimate) -> dict[str, Estimate]:
    """Return the numbers of hubness of the neighbours by cosine; `missing` for each where there are none."""
    return dict.fromkeys(HUBNESS, missing) if rows is None else hubness(rows)


def hubness_intervals(vectors: NDArray[np.float32], k: int, estimates: Mapping[str, Estimate]) -> Intervals:
    """Return the intervals of the numbers of hubness, by batches of texts: hash order is random order."""
    parts = [part for part in np.array_split(vectors, BATCHES) if len(part) > k]
    found = batch_intervals(estimates, [hubness(neighbours(part, k, ["cosine"])["cosine"]) for part in parts])
    shares = {name: (max(low, 0.0), min(high, 1.0)) for name, (low, high) in found.items() if name in HUBNESS_SHARES}
    return {**found, **shares}


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
