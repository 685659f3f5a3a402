"""The edge of noise: the published one for white noise, and above it what was put there."""

import math

import numpy as np
import pytest

from sphering.geometry.marchenko_pastur import law_median, marchenko_pastur
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import spectrum

pytestmark = pytest.mark.filterwarnings("error")


def of(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return marchenko_pastur(spectrum(moments))


@pytest.mark.parametrize("ratio", [0.001, 0.0768, 0.5, 1.0])
def test_the_median_halves_the_law(ratio):
    from scipy.integrate import quad

    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    middle = law_median(ratio)

    def density(x):
        return math.sqrt(max((high - x) * (x - low), 0.0)) / (2 * math.pi * ratio * x)

    assert quad(density, low, middle, limit=400)[0] == pytest.approx(0.5, abs=1e-6)


def test_white_noise_ends_at_the_published_edge_and_hardly_exceeds_it():
    edge, above = of(np.random.default_rng(0).standard_normal((5000, 384)))
    assert edge.value == pytest.approx(1.6311, abs=5e-3)
    assert above.value <= 2


def test_directions_above_the_noise_are_counted_whatever_the_scale_and_dead_coordinates():
    vectors = np.random.default_rng(1).standard_normal((2000, 60))
    vectors[:, :4] *= 4.0
    vectors[:, -2:] = 0.25
    for scale in (1.0, 1e-9, 1e9):
        edge, above = of(vectors * scale)
        assert above.value == 4
        assert edge.value == pytest.approx(scale**2 * (1 + math.sqrt(58 / 1999)) ** 2, rel=0.05)


def test_too_few_vectors_have_no_edge():
    edge, above = of(np.random.default_rng(2).standard_normal((20, 30)))
    assert edge.value is None
    assert above.value is None
    assert "directions" in edge.reason
    assert of(np.ones((30, 3)))[0].value is None
