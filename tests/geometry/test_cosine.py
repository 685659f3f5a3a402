"""The identities of the cosine: its gradient against finite differences, its angle, its Bregman divergence."""

from __future__ import annotations

import numpy as np
import pytest

from sphering.errors import InputError
from sphering.geometry.cosine import (
    angular_distance,
    bregman_divergence,
    cosine_gradient,
    half_square,
    negative_entropy,
    unit,
)


@pytest.fixture(params=[2, 3, 384])
def pair(request):
    rng = np.random.default_rng(request.param)
    scale = 10.0 ** rng.uniform(-1, 1, (20, 1))
    return rng.standard_normal((20, request.param)) * scale, rng.standard_normal((20, request.param))


def _cosine(x, y):
    return np.einsum("ij,ij->i", x, y) / (np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1))


def test_the_gradient_is_what_finite_differences_say(pair):
    x, y = pair
    found = cosine_gradient(x, y)
    step = 1e-5 * np.linalg.norm(x, axis=1)
    for axis in range(min(x.shape[1], 5)):
        shift = np.zeros_like(x)
        shift[:, axis] = step
        assert found[:, axis] == pytest.approx((_cosine(x + shift, y) - _cosine(x - shift, y)) / (2 * step), abs=1e-9)


def test_the_gradient_is_orthogonal_to_x_and_as_long_as_sin_over_norm(pair):
    x, y = pair
    found = cosine_gradient(x, y)
    assert np.abs(np.einsum("ij,ij->i", x, found)).max() < 1e-13
    lengths = np.sin(angular_distance(x, y)) / np.linalg.norm(x, axis=1)
    assert np.linalg.norm(found, axis=1) == pytest.approx(lengths, rel=1e-12)


def test_the_squared_distance_of_unit_vectors_is_two_minus_two_cosines(pair):
    u, v = map(unit, pair)
    assert np.sum((u - v) ** 2, axis=1) == pytest.approx(2 - 2 * _cosine(*pair), abs=1e-14)


def test_the_bregman_divergence_of_half_the_square_is_one_minus_cosine_on_the_sphere(pair):
    u, v = map(unit, pair)
    found = bregman_divergence(half_square, lambda x: x, u, v)
    assert found == pytest.approx(1 - _cosine(*pair), abs=1e-14)


def test_the_bregman_divergence_of_negative_entropy_is_kullback_leiblers():
    p, q = np.random.default_rng(1).dirichlet(np.ones(7), size=(2, 30))
    found = bregman_divergence(negative_entropy, lambda x: 1 + np.log(x), p, q)
    assert found == pytest.approx(np.sum(p * np.log(p / q), axis=1), abs=1e-12)
    assert negative_entropy(np.array([[0.0, 1.0]])) == 0.0


def test_angles_obey_the_triangle_inequality_which_one_minus_cosine_breaks():
    x, y, z = np.array([[1.0, 0]]), np.array([[1.0, 1]]), np.array([[0.0, 1]])
    assert angular_distance(x, z) <= angular_distance(x, y) + angular_distance(y, z) + 1e-15
    assert 1 - _cosine(x, z) > (1 - _cosine(x, y)) + (1 - _cosine(y, z))


def test_small_and_large_angles_keep_their_digits():
    x = np.array([[1.0, 0.0]] * 3)
    y = np.array([[1.0, 1e-9], [-1.0, 0.0], [1e-200, 0.0]])
    assert angular_distance(x, y) == pytest.approx([1e-9, np.pi, 0.0], rel=1e-15)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_what_has_no_direction_is_refused_by_its_row(bad):
    x = np.array([[1.0, 2.0], [bad, 0.0]])
    with pytest.raises(InputError, match="row 1"):
        cosine_gradient(x, np.ones((2, 2)))
