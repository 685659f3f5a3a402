"""What needs pairs or neighbours: measured on distinct texts with the smallest hashes, or on all where they are few."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.duplicates import equal_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.near_duplicates import NearRows, near_duplicate_pairs
from sphering.geometry.neighbours import (
    METRICS,
    Metric,
    Rows,
    agreement,
    neighbours,
    neighbours_before_and_after,
    overlap,
)
from sphering.report.extended import extended_sample
from sphering.report.hubs import hubness_metrics, occurrence_json
from sphering.report.label_geometry import SampledTexts
from sphering.report.measured import Json, as_sample, number, share_interval
from sphering.report.pairs import pair_metrics
from sphering.store.snapshot import Sample

NEIGHBOURS = 10
Neighbours = dict[Metric, Rows]
Directions = Mapping[str, Array | None]
_SHORT = {"cosine": "cosine", "dot_product": "dot", "euclidean": "euclidean"}
_ORDER = ("euclidean", "dot", "cosine")


@dataclass(frozen=True)
class SampledSpaces:
    """Metrics of both spaces, their histograms of angles and of the k-occurrence, and the texts that were looked at."""

    raw: dict[str, Json]
    transformed: dict[str, Json]
    angles: dict[str, Json]
    k_occurrence: dict[str, Json | None]
    texts: SampledTexts


@dataclass(frozen=True)
class _Found:
    """The neighbours that one product gives: as stored, with norm 1, and how many texts are near each row."""

    stored: Neighbours | None
    unit: Neighbours | None
    near: NearRows


def measure_sample(
    sample: Sample, transformed: NDArray[np.float32], *, texts: int, seed: int, extended: Directions | None = None
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
    extended : mapping of str to ndarray, shape (d, d), optional
        Measures the extended metrics, with the eigenvectors of X'X of each space.
    """
    whole = len(sample.vectors) >= texts
    leaders = equal_rows(sample.vectors)
    chosen, counts = np.unique(leaders, return_counts=True)
    vectors = {"raw": sample.vectors[chosen], "transformed": transformed[chosen]}
    # Two at a time on one BLAS thread each: half of the time goes into sorts and selections, which NumPy does on one.
    with one_blas_thread(), ThreadPoolExecutor(2) as pool:
        raw = pool.submit(_raw_neighbours, vectors["raw"], counts)
        image = pool.submit(_image_neighbours, vectors["transformed"], counts)
        pairs = {space: pool.submit(pair_metrics, each, seed, whole=whole) for space, each in vectors.items()}
        found = {"raw": raw.result(), "transformed": image.result()}
        hubs = {
            space: pool.submit(hubness_metrics, each, _cosine(found[space]), NEIGHBOURS, seed, whole=whole)
            for space, each in vectors.items()
        }
        further = {
            space: pool.submit(extended_sample, vectors[space], each, seed, whole=whole)
            for space, each in (extended or {}).items()
        }
    near = {space: _near(each.near, texts, seed) for space, each in found.items()}
    both = {
        space: {**pairs[space].result()[0], **near[space], **hubs[space].result()}
        | (further[space].result() if space in further else {})
        for space in vectors
    }
    n = len(chosen)
    overlaps = {name: _as_share(each, seed, whole=whole) for name, each in _overlaps(found["raw"], n).items()}
    kept = _as_share(_kept(found["raw"].stored, found["transformed"].stored, n), seed, whole=whole)
    return SampledSpaces(
        raw={**both["raw"], **overlaps},
        transformed={**both["transformed"], "knn_overlap_raw": kept},
        angles={space: each.result()[1] for space, each in pairs.items()},
        k_occurrence={space: occurrence_json(_cosine(each), whole=whole) for space, each in found.items()},
        texts=SampledTexts(
            sample.text_hashes[chosen],
            vectors,
            {space: _cosine(each) for space, each in found.items()},
            whole,
            seed,
        ),
    )


def _raw_neighbours(vectors: NDArray[np.float32], counts: NDArray[np.int64]) -> _Found:
    near = NearRows(counts)
    if len(vectors) > NEIGHBOURS:
        return _Found(*neighbours_before_and_after(vectors, NEIGHBOURS, near), near)
    return _few(vectors, near)


def _image_neighbours(vectors: NDArray[np.float32], counts: NDArray[np.int64]) -> _Found:
    """Between transformed vectors nothing is compared: they have norm 1, and all three metrics rank alike."""
    near = NearRows(counts)
    if len(vectors) > NEIGHBOURS:
        return _Found(neighbours(vectors, NEIGHBOURS, ["cosine"], near), None, near)
    return _few(vectors, near)


def _few(vectors: NDArray[np.float32], near: NearRows) -> _Found:
    if len(vectors) > 1:
        neighbours(vectors, 1, ["cosine"], near)
    return _Found(None, None, near)


def _cosine(found: _Found) -> Rows | None:
    return None if found.stored is None else found.stored["cosine"]


def _near(found: NearRows, texts: int, seed: int) -> dict[str, Json]:
    """Return the near-duplicates among all texts."""
    estimate = near_duplicate_pairs(found, texts)
    if estimate.kind == "sampled":
        estimate = replace(estimate, seed=seed)
    return {"near_duplicate_pairs": number(estimate, "pairs")}


def _overlaps(found: _Found, n: int) -> dict[str, Estimate]:
    """Return how far the three metrics agree on raw vectors, as they are and normalised."""
    named = {}
    for end, rows in (("", found.stored), ("_normalised", found.unit)):
        agreed = None if rows is None else agreement(rows)
        for first, second in combinations(METRICS, 2):
            named[overlap_name(first, second) + end] = agreed[f"{first}_{second}"] if agreed else _too_few(n)
    return named


def _kept(stored: Neighbours | None, images: Neighbours | None, n: int) -> Estimate:
    """Return how many of its cosine neighbours a text keeps under the transform."""
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
