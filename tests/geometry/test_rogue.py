"""Contributions of coordinates to the mean cosine: they sum to it, and a share of what cancels is not given."""

import numpy as np
import pytest

from sphering.geometry.angles import mean_cosine
from sphering.geometry.moments import Moments
from sphering.geometry.rogue import contributions, largest, rogue_share

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def clouds(shift, n=80, d=12):
    return (np.random.default_rng(0).standard_normal((n, d)) + np.asarray(shift)).astype(np.float32)


def test_contributions_are_those_of_the_loop_over_pairs_and_sum_to_the_mean_cosine():
    vectors = clouds(np.linspace(0, 2, 12))
    units = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    products = [units[i] * units[j] for i in range(len(units)) for j in range(i)]
    found = contributions(filled(vectors))
    assert found == pytest.approx(np.mean(products, axis=0), abs=1e-14)
    assert found.sum() == pytest.approx(mean_cosine(filled(vectors)).value, abs=1e-14)


def test_one_far_coordinate_is_the_rogue_one():
    moments = filled(clouds([0.0] * 5 + [9.0] + [0.0] * 6))
    assert largest(contributions(moments), 3)[0] == 5
    assert rogue_share(moments).value == pytest.approx(1.0, abs=0.01)


def test_an_even_shift_gives_three_of_twelve_a_quarter():
    assert rogue_share(filled(clouds(2.0, n=4000))).value == pytest.approx(0.25, abs=0.02)


def test_a_share_of_a_mean_cosine_near_zero_is_not_given_and_the_contributions_are():
    moments = filled(clouds(0.0))
    assert rogue_share(moments).value is None
    assert "cancel" in rogue_share(moments).reason
    assert contributions(moments).shape == (12,)
    assert contributions(filled(clouds(0.0, n=1))) is None


def test_equal_contributions_rank_by_their_coordinate():
    assert largest(np.array([1.0, 2.0, 2.0, 0.0]), 3).tolist() == [1, 2, 0]
