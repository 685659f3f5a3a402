"""What needs pairs or neighbours: measured on distinct texts with the smallest hashes, or on all where they are few."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.duplicates import distinct_rows, indistinct_texts
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.neighbours import METRICS, metric_agreement, neighbours, overlap
from sphering.report.measured import Json, as_sample, number, pair_band, share_interval
from sphering.report.spaces import angles_json
from sphering.store.snapshot import Sample

NEIGHBOURS = 10
_SHORT = {"cosine": "cosine", "dot_product": "dot", "euclidean": "euclidean"}


@dataclass(frozen=True)
class SampledSpaces:
    """Metrics and angle histograms of both spaces, and what the sample says of the texts."""

    raw: dict[str, Json]
    transformed: dict[str, Json]
    texts: dict[str, Json]
    angles: dict[str, Json]


def measure_sample(
    sample: Sample, transformed: NDArray[np.float32], *, texts: int, seed: int
) -> SampledSpaces:
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
    raw, raw_angles = _angles(before, seed, whole=whole)
    image, image_angles = _angles(after, seed, whole=whole)
    return SampledSpaces(
        raw={**raw, **_overlaps(before, whole=whole)},
        transformed={**image, **_overlaps_transformed(before, after, whole=whole)},
        texts=_equal_vectors(sample, whole=whole),
        angles={"raw": raw_angles, "transformed": image_angles},
    )


def _angles(vectors: NDArray[np.float32], seed: int, *, whole: bool) -> tuple[dict[str, Json], Json]:
    found = cosine_distribution(vectors, seed)
    distances = {"angle_ks": (found.kolmogorov_smirnov, 1.0), "angle_w1": (found.wasserstein, 2.0)}
    metrics = {}
    for name, (estimate, width) in distances.items():
        texts = (len(vectors), None if estimate.kind == "exact" else estimate.n)
        band = None if estimate.value is None else pair_band(estimate.value, *texts, width=width)
        metrics[name] = number(as_sample(estimate, whole=whole, interval=band), "pairs")
    return metrics, angles_json(found, whole=whole)


def _overlaps(raw: NDArray[np.float32], *, whole: bool) -> dict[str, Json]:
    """Return how far the three metrics agree on raw vectors, as they are and normalised."""
    agreement = metric_agreement(raw, NEIGHBOURS)
    named = {}
    for first, second in combinations(METRICS, 2):
        name = overlap_name(first, second)
        named[name] = agreement[f"{first}_{second}"]
        named[f"{name}_normalised"] = agreement[f"{first}_{second}_normalised"]
    return _as_shares(named, whole=whole)


def _overlaps_transformed(raw: NDArray[np.float32], image: NDArray[np.float32], *, whole: bool) -> dict[str, Json]:
    """Return how far the metrics agree on transformed vectors, and how many cosine neighbours the transform keeps."""
    names = [overlap_name(first, second) for first, second in combinations(METRICS, 2)]
    n = len(image)
    if n <= NEIGHBOURS:
        missing = undefined(f"{n} vectors have no {NEIGHBOURS} neighbours each", n)
        return _as_shares(dict.fromkeys([*names, "knn_overlap_raw"], missing), whole=whole)
    rows = {metric: neighbours(image, NEIGHBOURS, metric).rows for metric in METRICS}
    pairs = [exact(overlap(rows[a], rows[b]), n) for a, b in combinations(METRICS, 2)]
    kept = exact(overlap(neighbours(raw, NEIGHBOURS, "cosine").rows, rows["cosine"]), n)
    return _as_shares({**dict(zip(names, pairs, strict=True)), "knn_overlap_raw": kept}, whole=whole)


def overlap_name(first: str, second: str) -> str:
    """Return the report's name of the neighbour overlap of two metrics."""
    return "knn_overlap_" + "_".join(sorted((_SHORT[first], _SHORT[second]), key=_ORDER.index))


_ORDER = ("euclidean", "dot", "cosine")


def _as_shares(estimates: dict[str, Estimate], *, whole: bool) -> dict[str, Json]:
    shown = {}
    for name, estimate in estimates.items():
        value = estimate.value
        interval = None if value is None else share_interval(value, estimate.n)
        shown[name] = number(as_sample(estimate, whole=whole, interval=interval), "texts")
    return shown


def _equal_vectors(sample: Sample, *, whole: bool) -> dict[str, Json]:
    """Return how many texts of the sample share their vector, bit for bit, with a different text of the sample."""
    n = len(sample.vectors)
    equal = indistinct_texts(sample.vectors, sample.text_hashes)
    share = exact(equal / n, n) if n else undefined("no text")
    interval = None if share.value is None else share_interval(share.value, n)
    return {
        "equal_vector_texts": number(as_sample(exact(equal, n), whole=whole), "texts"),
        "equal_vector_texts_share": number(as_sample(share, whole=whole, interval=interval), "texts"),
    }
