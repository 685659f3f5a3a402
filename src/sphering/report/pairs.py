"""What the cosines of a sample's pairs say: their distance from the law of random directions, and their uniformity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.cosines import CosineDistribution, cosine_distribution
from sphering.geometry.estimate import Estimate
from sphering.report.measured import BATCHES, Intervals, Json, as_sample, batch_intervals, number
from sphering.report.spaces import angles_json


def pair_metrics(vectors: NDArray[np.float32], seed: int, *, whole: bool) -> tuple[dict[str, Json], Json]:
    """Return the metrics of the pairs of a sample, and the histogram of their angles."""
    found = cosine_distribution(vectors, seed)
    estimates = _named(found)
    intervals: Intervals = {} if whole else pair_intervals(vectors, estimates)
    metrics = {
        name: number(as_sample(estimate, whole=whole, seed=seed, interval=intervals.get(name)), "pairs")
        for name, estimate in estimates.items()
    }
    return metrics, angles_json(found, whole=whole)


def pair_intervals(vectors: NDArray[np.float32], estimates: Mapping[str, Estimate]) -> Intervals:
    """Return the intervals of the metrics of pairs, by batches of texts: hash order is random order."""
    parts = [cosine_distribution(part) for part in np.array_split(vectors, BATCHES) if len(part) > 1]
    found = batch_intervals(estimates, [_named(part) for part in parts])
    return {name: (low if name == "uniformity" else max(low, 0.0), high) for name, (low, high) in found.items()}


def _named(found: CosineDistribution) -> dict[str, Estimate]:
    return {"angle_ks": found.kolmogorov_smirnov, "angle_w1": found.wasserstein, "uniformity": found.uniformity}
