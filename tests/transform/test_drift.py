"""Drift: zero for equal moments, the 2-Wasserstein distance of Gaussians otherwise."""

import math

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.errors import InputError
from sphering.geometry.moments import Moments
from sphering.transform import Transform, drift, fit

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def fitted(vectors, kind="none"):
    return fit(TransformConfig(kind=kind), filled(vectors), encoder="e", snapshot="s")


def cloud(n=3000, d=20, seed=0):
    return (np.random.default_rng(seed).standard_normal((n, d)) * np.geomspace(1, 0.1, d)).astype(np.float32)


@pytest.mark.parametrize("kind", ["none", "center", "whiten"])
def test_equal_moments_have_no_drift(kind):
    x = cloud()
    transform = fitted(x, kind)
    assert drift(transform, filled(x)) == 0.0
    assert drift(Transform.from_files(*transform.to_files().values()), filled(x)) == 0.0


def test_another_merge_order_is_no_drift():
    x = cloud()
    assert 0.0 <= drift(fitted(x), filled(x[1000:]).merge(filled(x[:1000]))) < 1e-20


def test_a_shift_is_its_square_in_units_of_the_variance():
    x = cloud().astype(np.float64)
    shift = np.full(20, 0.1)
    expected = 20 * 0.01 / np.trace(np.cov(x, rowvar=False))
    assert drift(fitted(x), filled(x + shift)) == pytest.approx(expected, rel=1e-10)


def test_a_scale_is_the_square_of_its_excess():
    x = cloud().astype(np.float64)
    x -= x.mean(axis=0)
    assert drift(fitted(x), filled(x * 1.1)) == pytest.approx(0.01, rel=1e-9)
    assert drift(fitted(x), filled(x * (1 + 1e-7))) == pytest.approx(1e-14, rel=1e-5)


def test_two_samples_of_one_population_drift_by_their_size_alone():
    one, two = (drift(fitted(cloud(n, seed=1)), filled(cloud(n, seed=2))) for n in (2000, 8000))
    assert 2.5 < one / two < 6.0
    assert one < 0.01


def test_degenerate_moments_have_a_right_value():
    x = cloud()
    one_vector = x[:1]
    expected = (np.sum((one_vector[0] - x.mean(axis=0, dtype=float)) ** 2)) / np.trace(
        np.cov(x.astype(float), rowvar=False)
    ) + 1.0
    assert drift(fitted(x), filled(one_vector)) == pytest.approx(expected, rel=1e-5)
    constant = np.full((10, 20), 0.5, np.float32)
    assert drift(fitted(constant), filled(constant)) == 0.0
    assert drift(fitted(one_vector), filled(x)) == math.inf
    with pytest.raises(InputError, match="0 usable"):
        drift(fitted(x), Moments.empty(20))
    with pytest.raises(InputError, match="19 dimensions"):
        drift(fitted(x), filled(x[:, :19]))
