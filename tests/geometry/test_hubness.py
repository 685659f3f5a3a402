"""Hubness of a neighbour graph: counted as a loop counts it, zero where nothing is a hub, one-sided where one is."""

import numpy as np
import pytest

from sphering.geometry.hubness import hubness, k_occurrence, occurrence_counts
from sphering.geometry.neighbours import neighbours

pytestmark = pytest.mark.filterwarnings("error")


def naive(rows):
    n, k = rows.shape
    counts = [sum(int(i) in row for row in rows.tolist()) for i in range(n)]
    mean = sum(counts) / n
    second, third = (sum((count - mean) ** power for count in counts) / n for power in (2, 3))
    unequal = sum(abs(count - k) for count in counts) / (2 * n * k)
    return counts, third / second**1.5, unequal, counts.count(0) / n


def test_the_numbers_are_those_of_the_loop():
    from scipy import stats

    vectors = np.random.default_rng(0).standard_normal((300, 40)).astype(np.float32)
    rows = neighbours(vectors, 10, ["cosine"])["cosine"]
    counts, skewness, unequal, antihubs = naive(rows)
    found = hubness(rows)
    assert k_occurrence(rows).tolist() == counts
    assert found["hubness_skewness"].value == pytest.approx(skewness, rel=1e-12)
    assert found["hubness_skewness"].value == pytest.approx(stats.skew(counts), rel=1e-12)
    assert found["hubness_robin_hood"].value == pytest.approx(unequal, rel=1e-12)
    assert found["hubness_antihub"].value == pytest.approx(antihubs, rel=1e-12)
    histogram = occurrence_counts(k_occurrence(rows))
    assert histogram.sum() == 300
    assert histogram @ np.arange(len(histogram)) == 300 * 10


def test_a_ring_has_no_hub_and_no_skewness():
    ring = (np.arange(20)[:, None] + np.array([1, 2, -1, -2])) % 20
    found = hubness(ring)
    assert found["hubness_robin_hood"].value == 0.0
    assert found["hubness_antihub"].value == 0.0
    assert found["hubness_skewness"].value is None
    assert "equally often" in found["hubness_skewness"].reason


def test_a_star_is_one_hub_and_the_rest_antihubs():
    star = np.zeros((50, 1), np.int64)
    star[0] = 1
    found = hubness(star)
    assert found["hubness_antihub"].value == 48 / 50
    assert found["hubness_robin_hood"].value == 48 / 50
    assert found["hubness_skewness"].value > 6


def test_more_dimensions_have_more_hubs_and_fewer_have_hardly_any():
    few, many = (
        hubness(neighbours(np.random.default_rng(1).standard_normal((800, d)), 10, ["euclidean"])["euclidean"])
        for d in (3, 200)
    )
    assert abs(few["hubness_skewness"].value) < 0.6
    assert many["hubness_skewness"].value > 2
    assert many["hubness_antihub"].value > few["hubness_antihub"].value
