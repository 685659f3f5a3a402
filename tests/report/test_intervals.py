"""The intervals of a sample hold: by drawing many samples of one corpus and counting how often they do."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.effective_rank import second_moment
from sphering.geometry.moments import Moments
from sphering.geometry.near_duplicates import NearRows, near_duplicate_pairs
from sphering.geometry.neighbours import neighbours
from sphering.geometry.partition import partition_isotropy
from sphering.report.sampled import measure_sample
from sphering.store.snapshot import Sample

TEXTS, SAMPLED, SAMPLES, DIMENSION = 4000, 400, 150, 24
LEAST = 0.93


def corpus() -> np.ndarray:
    """Return vectors about 60 subjects with a common direction, of several norms, a twentieth of them near another."""
    generator = np.random.default_rng(0)
    subjects = generator.standard_normal((60, DIMENSION)) + 0.5
    vectors = subjects[generator.integers(60, size=TEXTS)] + 0.8 * generator.standard_normal((TEXTS, DIMENSION))
    vectors[-TEXTS // 20 :] = vectors[: TEXTS // 20] + 0.02 * generator.standard_normal((TEXTS // 20, DIMENSION))
    return (0.2 * vectors * generator.uniform(0.7, 1.4, (TEXTS, 1))).astype(np.float32)


def units(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return corpus()


@pytest.fixture(scope="module")
def directions(vectors: np.ndarray) -> dict[str, Any]:
    found = {}
    for space, each in (("raw", vectors), ("transformed", units(vectors - vectors.mean(axis=0)))):
        moments = Moments.empty(DIMENSION)
        moments.update(each)
        found[space] = second_moment(moments)[1]
    return found


@pytest.fixture(scope="module")
def drawn(vectors: np.ndarray, directions: dict[str, Any]) -> list[dict[str, dict[str, Any]]]:
    """Return the numbers of each sample, raw and transformed."""
    generator, found = np.random.default_rng(1), []
    image = units(vectors - vectors.mean(axis=0))
    for _ in range(SAMPLES):
        chosen = generator.choice(TEXTS, SAMPLED, replace=False)
        names = [str(each) for each in chosen]
        nowhere = np.zeros(SAMPLED, np.int32), np.zeros(SAMPLED, np.int64)
        sample = Sample(names, np.zeros((SAMPLED, 32), np.uint8), vectors[chosen], *nowhere)
        spaces = measure_sample(sample, image[chosen], texts=TEXTS, seed=0, extended=directions)
        found.append({"raw": spaces.raw, "transformed": spaces.transformed})
    return found


def test_they_hold_what_all_texts_have(
    drawn: list[dict[str, dict[str, Any]]], vectors: np.ndarray, directions: dict[str, Any]
) -> None:
    for space, each in (("raw", vectors), ("transformed", units(vectors - vectors.mean(axis=0)))):
        whole = cosine_distribution(each)
        near = NearRows(np.ones(TEXTS, np.int64))
        neighbours(each, 1, ["cosine"], near)
        true = {
            "angle_ks": whole.kolmogorov_smirnov.value,
            "angle_w1": whole.wasserstein.value,
            "uniformity": whole.uniformity.value,
            "near_duplicate_pairs": near_duplicate_pairs(near, TEXTS).value,
            "partition_isotropy": partition_isotropy(each, directions[space]).value,
        }
        assert true["near_duplicate_pairs"] > 100
        assert low_coverage(drawn, space, true) == {}


def test_they_hold_what_samples_of_this_size_have_on_average(drawn: list[dict[str, dict[str, Any]]]) -> None:
    of_size = ("hubness_skewness", "hubness_robin_hood", "hubness_antihub", "twonn_dimension", "mle_dimension")
    for space, more in (("raw", ("knn_overlap_dot_cosine", "knn_overlap_euclidean_dot")), ("transformed", ())):
        true = {name: np.mean([each[space][name]["value"] for each in drawn]) for name in (*of_size, *more)}
        assert low_coverage(drawn, space, true) == {}


def low_coverage(drawn: list[dict[str, dict[str, Any]]], space: str, true: dict[str, Any]) -> dict[str, float]:
    """Return the metrics whose intervals hold the true number too rarely, with how often they do."""
    hits: dict[str, int] = defaultdict(int)
    for each in drawn:
        for name, value in true.items():
            low, high = each[space][name]["interval"]
            hits[name] += bool(low <= value <= high)
    return {name: hits[name] / len(drawn) for name in true if hits[name] / len(drawn) < LEAST}
