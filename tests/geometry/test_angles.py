"""Cosine statistics over all pairs: equal to the double loop, and their intervals hold."""

import math

import numpy as np
import pytest

from sphering.geometry import angles
from sphering.geometry.cosines import ALL_PAIRS_UP_TO, cosine_distribution
from sphering.geometry.law import law_cdf
from sphering.geometry.moments import Moments

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def all_cosines(vectors):
    wide = vectors.astype(np.float64)
    values = []
    for i in range(len(wide)):
        for j in range(i):
            values.append(wide[i] @ wide[j] / np.linalg.norm(wide[i]) / np.linalg.norm(wide[j]))
    return np.array(values)


def sphere(n, d, seed=0, shift=0.0):
    x = np.random.default_rng(seed).standard_normal((n, d)) + shift
    return x.astype(np.float32)


@pytest.mark.parametrize(("n", "d", "shift"), [(3, 2, 0.0), (40, 5, 0.3), (120, 30, 2.0), (60, 1, 0.5)])
def test_mean_and_variance_are_those_of_the_loop_over_pairs(n, d, shift):
    vectors = sphere(n, d, shift=shift)
    cosines, moments = all_cosines(vectors), filled(vectors)
    assert angles.mean_cosine(moments).value == pytest.approx(cosines.mean(), abs=1e-14)
    assert angles.cosine_variance(moments).value == pytest.approx(cosines.var(), abs=1e-14)
    assert angles.effective_dimension(moments).value == pytest.approx(1 / cosines.var(), rel=1e-9)
    assert angles.effective_dimension_uncentred(moments).value == pytest.approx(1 / (cosines**2).mean(), rel=1e-10)
    units = vectors / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    assert angles.mean_norm(moments).value == pytest.approx(np.linalg.norm(units.mean(axis=0)), abs=1e-14)


def test_the_mean_norm_and_the_mean_cosine_are_tied_by_their_identity():
    moments = filled(sphere(500, 20, shift=0.2))
    m1, r = angles.mean_cosine(moments).value, angles.mean_norm(moments).value
    assert r**2 == pytest.approx(m1 + (1 - m1) / 500, abs=1e-14)


def test_the_interval_of_the_mean_cosine_covers_the_truth():
    truth = angles.mean_cosine(filled(sphere(200_000, 8, seed=99, shift=0.3))).value
    hits = 0
    for seed in range(400):
        low, high = angles.mean_cosine(filled(sphere(100, 8, seed, shift=0.3))).interval
        hits += low <= truth <= high
    assert hits / 400 >= 0.93


@pytest.mark.parametrize("d", [2, 3, 4, 64, 384, 768])
def test_the_law_integrates_to_one_with_variance_one_over_d(d):
    angle = (np.arange(200_000) + 0.5) * np.pi / 200_000
    t, weights = np.cos(angle), np.sin(angle) * np.pi / 200_000
    constant = math.exp(math.lgamma(d / 2) - math.lgamma((d - 1) / 2)) / math.sqrt(math.pi)
    density = constant * np.sin(angle) ** (d - 3)
    assert (density * weights * t * t).sum() * d == pytest.approx(1.0, abs=1e-7)
    below = np.cumsum((density * weights)[::-1])[::-1]  # t falls as the angle grows
    assert law_cdf(np.cos(angle[999::1000] - np.pi / 400_000), d) == pytest.approx(below[999::1000], abs=1e-7)
    assert law_cdf(np.array([-1.0, 0.0, 1.0]), d) == pytest.approx([0.0, 0.5, 1.0], abs=1e-12)


@pytest.mark.parametrize(("d", "expected"), [(384, 0.0407434), (768, 0.0288006)])
def test_the_mean_absolute_cosine_of_random_directions_is_the_published_one(d, expected):
    t = np.linspace(0.0, 1.0, 2_000_001)
    survival = 2.0 * (1.0 - law_cdf(t, d))
    assert np.trapezoid(survival, t) == pytest.approx(expected, abs=5e-8)


@pytest.mark.parametrize("d", [2, 3, 64, 384])
def test_random_directions_follow_the_law(d):
    from scipy import stats

    found = cosine_distribution(sphere(2000, d))
    assert found.kind == "exact"
    assert found.pairs == found.counts.sum() == 2000 * 1999 // 2
    assert found.kolmogorov_smirnov.value < 0.005
    assert found.wasserstein.value < 0.005
    assert found.expected.sum() == pytest.approx(1.0)
    sample = sphere(300, d, seed=4)
    cosines = np.clip(all_cosines(sample), -1, 1)
    oracle = stats.kstest(cosines, stats.beta((d - 1) / 2, (d - 1) / 2, loc=-1, scale=2).cdf)
    small = cosine_distribution(sample)
    assert small.kolmogorov_smirnov.value == pytest.approx(oracle.statistic, abs=1e-9)


def test_the_wasserstein_distance_is_that_of_quantiles():
    from scipy import stats

    vectors = sphere(150, 10, shift=0.5)
    cosines = np.sort(all_cosines(vectors))
    p = (np.arange(8 * len(cosines)) + 0.5) / (8 * len(cosines))
    quantiles = stats.beta(4.5, 4.5, loc=-1, scale=2).ppf(p)
    oracle = np.abs(np.repeat(cosines, 8) - quantiles).mean()
    assert cosine_distribution(vectors).wasserstein.value == pytest.approx(oracle, abs=1e-6)


def test_more_vectors_are_sampled_by_seed_with_an_interval():
    vectors = sphere(ALL_PAIRS_UP_TO + 1, 16, shift=0.1)
    one, same, other = (cosine_distribution(vectors, seed, 200_000) for seed in (1, 1, 2))
    assert (one.kind, one.seed, one.pairs) == ("sampled", 1, 200_000)
    assert np.array_equal(one.counts, same.counts)
    assert not np.array_equal(one.counts, other.counts)
    exact = cosine_distribution(vectors[:ALL_PAIRS_UP_TO])
    low, high = one.kolmogorov_smirnov.interval
    assert low <= exact.kolmogorov_smirnov.value <= high
    low, high = one.wasserstein.interval
    assert low <= exact.wasserstein.value <= high


def test_equal_directions_are_as_far_from_the_law_as_can_be():
    found = cosine_distribution(np.ones((50, 30), np.float32))
    assert found.counts[-1] == 50 * 49 // 2
    assert found.kolmogorov_smirnov.value == pytest.approx(1.0)
    assert found.wasserstein.value == pytest.approx(1.0, abs=1e-4)


def test_one_dimension_has_two_directions():
    signs = np.array([[1.0], [-2.0], [3.0], [-1.0]], np.float32)
    found = cosine_distribution(signs)
    assert (found.counts[0], found.counts[-1]) == (4, 2)
    assert found.kolmogorov_smirnov.value == pytest.approx(4 / 6 - 0.5)
    assert found.wasserstein.value == pytest.approx(2 * (4 / 6 - 0.5), abs=1e-4)


@pytest.mark.parametrize(("d", "optimum"), [(3, -2.0798), (64, -3.8752), (384, -3.97917)])
def test_uniformity_of_random_directions_is_the_published_optimum(d, optimum):
    from scipy.special import hyp0f1

    assert -4 + math.log(hyp0f1(d / 2, 4.0)) == pytest.approx(optimum, abs=5e-5)
    assert cosine_distribution(sphere(3000, d)).uniformity.value == pytest.approx(optimum, abs=3e-3)


def test_uniformity_is_that_of_the_loop_and_a_sample_s_interval_holds_it():
    vectors = sphere(ALL_PAIRS_UP_TO + 1, 12, shift=0.2)
    small = cosine_distribution(vectors[:100]).uniformity
    units = vectors[:100] / np.linalg.norm(vectors[:100].astype(float), axis=1)[:, None]
    apart = [np.sum((units[i] - units[j]) ** 2) for i in range(100) for j in range(i)]
    assert small.value == pytest.approx(math.log(np.mean(np.exp(-2 * np.array(apart)))), abs=1e-12)
    assert cosine_distribution(np.ones((9, 4), np.float32)).uniformity.value == pytest.approx(0.0, abs=1e-12)
    assert cosine_distribution(vectors[:1]).uniformity.value is None
    exact = cosine_distribution(vectors[:-1]).uniformity.value
    drawn = [cosine_distribution(vectors, seed, 20_000).uniformity for seed in range(60)]
    assert np.mean([each.interval[0] <= exact <= each.interval[1] for each in drawn]) >= 0.9
