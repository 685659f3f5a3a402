"""What needs pairs or neighbours: measured on distinct texts with the smallest hashes, or on all where they are few."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.duplicates import distinct_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.neighbours import (
    METRICS,
    Metric,
    Rows,
    agreement,
    neighbours,
    neighbours_before_and_after,
    overlap,
)
from sphering.report.hubs import hubness_estimates, hubness_intervals, occurrence_json
from sphering.report.measured import BATCHES, Json, as_sample, batch_intervals, number, share_interval
from sphering.report.spaces import angles_json
from sphering.store.snapshot import Sample

NEIGHBOURS = 10
Neighbours = dict[Metric, Rows]
_SHORT = {"cosine": "cosine", "dot_product": "dot", "euclidean": "euclidean"}
_ORDER = ("euclidean", "dot", "cosine")


@dataclass(frozen=True)
class SampledSpaces:
    """Metrics of both spaces, and their histograms of angles and of the k-occurrence."""

    raw: dict[str, Json]
    transformed: dict[str, Json]
    angles: dict[str, Json]
    k_occurrence: dict[str, Json | None]


def measure_sample(sample: Sample, transformed: NDArray[np.float32], *, texts: int, seed: int) -> SampledSpaces:
    """Measure a sample in both spaces.

    Parameters
    ----------
    sample : Sample
        Distinct texts with their raw vectors, all finite.
    transformed : ndarray, shape (n, k)
        The same rows under the transform.
    texts : int
        Distinct texts of the snapshot, to tell a sample from the whole.
    seed : int
        Seed of the sampled pairs.
    """
    whole = len(sample.vectors) >= texts
    chosen = distinct_rows(sample.vectors)
    before, after = sample.vectors[chosen], transformed[chosen]
    enough = len(before) > NEIGHBOURS
    # Two at a time on one BLAS thread each: half of the time goes into sorts and selections, which NumPy does on one.
    with one_blas_thread(), ThreadPoolExecutor(2) as pool:
        both = pool.submit(neighbours_before_and_after, before, NEIGHBOURS) if enough else None
        raw = pool.submit(_angles, before, seed, whole=whole)
        image = pool.submit(_angles, after, seed, whole=whole)
        images = pool.submit(neighbours, after, NEIGHBOURS, ["cosine"]) if enough else None
    (raw_metrics, raw_angles), (image_metrics, image_angles) = raw.result(), image.result()
    stored, unit = both.result() if both else (None, None)
    moved = images.result() if images else None
    overlaps = {name: _as_share(each, seed, whole=whole) for name, each in _overlaps(stored, unit, len(before)).items()}
    kept = _as_share(_kept(stored, moved, len(before)), seed, whole=whole)
    found = {
        space: None if each is None else each["cosine"] for space, each in (("raw", stored), ("transformed", moved))
    }
    return SampledSpaces(
        raw={**raw_metrics, **overlaps, **_hubs(before, found["raw"], seed, whole=whole)},
        transformed={**image_metrics, "knn_overlap_raw": kept, **_hubs(after, found["transformed"], seed, whole=whole)},
        angles={"raw": raw_angles, "transformed": image_angles},
        k_occurrence={space: occurrence_json(rows, whole=whole) for space, rows in found.items()},
    )


def _angles(vectors: NDArray[np.float32], seed: int, *, whole: bool) -> tuple[dict[str, Json], Json]:
    found = cosine_distribution(vectors, seed)
    estimates = {"angle_ks": found.kolmogorov_smirnov, "angle_w1": found.wasserstein}
    intervals: dict[str, tuple[float, float]] = {} if whole else angle_intervals(vectors, estimates)
    metrics = {
        name: number(as_sample(estimate, whole=whole, seed=seed, interval=intervals.get(name)), "pairs")
        for name, estimate in estimates.items()
    }
    return metrics, angles_json(found, whole=whole)


def angle_intervals(vectors: NDArray[np.float32], estimates: dict[str, Estimate]) -> dict[str, tuple[float, float]]:
    """Return the intervals of the distances to the law, by batches of texts: hash order is random order."""
    parts = [cosine_distribution(part) for part in np.array_split(vectors, BATCHES) if len(part) > 1]
    of_parts = [{"angle_ks": part.kolmogorov_smirnov, "angle_w1": part.wasserstein} for part in parts]
    found = batch_intervals(estimates, of_parts)
    return {name: (max(low, 0.0), high) for name, (low, high) in found.items()}


def _hubs(vectors: NDArray[np.float32], rows: Rows | None, seed: int, *, whole: bool) -> dict[str, Json]:
    estimates = hubness_estimates(rows, _too_few(len(vectors)))
    intervals = {} if whole or rows is None else hubness_intervals(vectors, NEIGHBOURS, estimates)
    return {
        name: number(as_sample(estimate, whole=whole, seed=seed, interval=intervals.get(name)), "texts")
        for name, estimate in estimates.items()
    }


def _overlaps(stored: Neighbours | None, unit: Neighbours | None, n: int) -> dict[str, Estimate]:
    """Return how far the three metrics agree on raw vectors, as they are and normalised."""
    named = {}
    for end, found in (("", stored), ("_normalised", unit)):
        agreed = None if found is None else agreement(found)
        for first, second in combinations(METRICS, 2):
            named[overlap_name(first, second) + end] = agreed[f"{first}_{second}"] if agreed else _too_few(n)
    return named


def _kept(stored: Neighbours | None, images: Neighbours | None, n: int) -> Estimate:
    """Return how many of its cosine neighbours a text keeps under the transform.

    Between transformed vectors nothing is compared: they have norm 1, and all three metrics rank alike.
    """
    if stored is None or images is None:
        return _too_few(n)
    return exact(overlap(stored["cosine"], images["cosine"]), n)


def _too_few(n: int) -> Estimate:
    return undefined(f"{n} vectors have no {NEIGHBOURS} neighbours each", n)


def overlap_name(first: str, second: str) -> str:
    """Return the report's name of the neighbour overlap of two metrics."""
    return "knn_overlap_" + "_".join(sorted((_SHORT[first], _SHORT[second]), key=_ORDER.index))


def _as_share(estimate: Estimate, seed: int, *, whole: bool) -> Json:
    interval = None if estimate.value is None else share_interval(estimate.value, estimate.n)
    return number(as_sample(estimate, whole=whole, seed=seed, interval=interval), "texts")
