"""Two sets of vectors by their moments: against POT, closed forms and simulation."""

import numpy as np
import pytest

from sphering.geometry.bures import bures_squared, covariance_shift, frechet, frechet_by_chance
from sphering.geometry.moments import Moments
from sphering.geometry.shift import mean_shift, mean_shift_cosine

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def cloud(n=3000, d=20, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) * np.geomspace(1, 0.1, d)


def test_the_bures_distance_is_that_of_the_traces():
    from scipy.linalg import sqrtm

    generator = np.random.default_rng(4)
    for rank in (12, 5):
        a, b = (generator.standard_normal((rank, 12)) for _ in range(2))
        a, b = a.T @ a, b.T @ b
        values, vectors = np.linalg.eigh(a)
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        inner = np.linalg.eigvalsh(root @ b @ root)
        expected = np.trace(a + b) - 2 * np.sqrt(np.maximum(inner, 0)).sum()
        assert bures_squared(a, b) == pytest.approx(expected, rel=1e-6)
        assert bures_squared(a, b) == pytest.approx(bures_squared(b, a), rel=1e-9)
    assert np.isfinite(sqrtm(a + np.eye(12))).all()


@pytest.mark.parametrize("d", [1, 3, 30])
def test_the_bures_and_frechet_distances_are_those_of_pot(d):
    import ot

    one, two = cloud(200, d, 1), cloud(300, d, 2) * 1.3 + 0.2
    before, after = filled(one), filled(two)
    covariances = [np.cov(x, rowvar=False).reshape(d, d) for x in (one, two)]
    total = np.trace(covariances[0])
    root = ot.gaussian.bures_wasserstein_distance(one.mean(0), two.mean(0), *covariances)
    assert frechet(before, after).value == pytest.approx(root**2 / total, rel=1e-9)
    zero = np.zeros(d)
    spread = ot.gaussian.bures_wasserstein_distance(zero, zero, *covariances)
    assert covariance_shift(before, after).value == pytest.approx(spread**2 / total, rel=1e-9)


def test_equal_moments_have_no_distance():
    x = cloud()
    assert frechet(filled(x), filled(x)).value == 0.0
    assert mean_shift(filled(x), filled(x)).value == 0.0
    assert mean_shift_cosine(filled(x + 1), filled(x + 1)).value == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("shared", [0, 300])
def test_two_samples_of_one_population_are_as_far_apart_as_chance_says(shared):
    generator = np.random.default_rng(5)
    scales = np.geomspace(1, 0.1, 20)
    found, expected = [], []
    for _ in range(60):
        common, left, right = (generator.standard_normal((n, 20)) * scales for n in (shared, 700, 1000))
        before, after = (filled(np.concatenate([common, own])) for own in (left, right))
        inverse = 1 / before.n + 1 / after.n - 2 * shared / (before.n * after.n)
        found.append(frechet(before, after).value)
        expected.append(frechet_by_chance(before, inverse))
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.05)


def test_a_mean_shift_is_in_units_of_the_spread_within():
    x = cloud()
    shift = np.full(20, 0.3)
    expected = np.linalg.norm(shift) / np.sqrt(np.trace(np.cov(x, rowvar=False)))
    assert mean_shift(filled(x), filled(x + shift)).value == pytest.approx(expected, rel=1e-12)
    turned = mean_shift_cosine(filled(x + 5.0), filled(x + 5.0 * np.where(np.arange(20) < 10, 1, -1)))
    assert turned.value == pytest.approx(0.0, abs=0.02)


def test_what_has_no_direction_or_no_spread_says_so():
    x = cloud()
    centred = x - x.mean(axis=0)
    assert "no direction" in mean_shift_cosine(filled(centred), filled(x + 1)).reason
    constant, one, none = np.full((9, 20), 0.5, np.float32), x[:1], x[:0]
    for measure in (frechet, covariance_shift, mean_shift):
        assert "fewer than two" in measure(filled(x), filled(one)).reason
        assert "fewer than two" in measure(filled(none), filled(x)).reason
        assert "equal up to" in measure(filled(constant), filled(constant)).reason
    assert frechet(filled(x), filled(constant)).value > 0
    assert mean_shift_cosine(filled(none), filled(x)).value is None
    assert mean_shift_cosine(filled(constant), filled(constant)).value == pytest.approx(1.0)
    half = cloud().astype(np.float16)
    assert frechet(filled(half), filled(cloud())).value == pytest.approx(0.0, abs=1e-5)
