"""The partition function over directions: equal to the sums of exp, the same whatever signs a library gives."""

import numpy as np
import pytest

from sphering.geometry.partition import partition_isotropy

pytestmark = pytest.mark.filterwarnings("error")


def cloud(n=150, d=70):
    generator = np.random.default_rng(0)
    vectors = generator.exponential(1.0, (n, d)) * 0.2
    return vectors, np.linalg.eigh(vectors.T @ vectors)[1]


def test_it_is_the_least_over_the_largest_sum_of_exp():
    vectors, directions = cloud()
    sums = [sum(np.exp(sign * (direction @ row)) for row in vectors) for direction in directions.T for sign in (1, -1)]
    found = partition_isotropy(vectors, directions)
    assert found.value == pytest.approx(min(sums) / max(sums), rel=1e-12)
    low, high = found.interval
    assert low < found.value < high


def test_signs_of_eigenvectors_do_not_matter():
    vectors, directions = cloud()
    signs = np.where(np.random.default_rng(1).random(directions.shape[1]) < 0.5, -1.0, 1.0)
    assert partition_isotropy(vectors, directions * signs).value == partition_isotropy(vectors, directions).value


def test_a_ball_is_isotropic_and_a_common_direction_is_not():
    ball = np.random.default_rng(2).standard_normal((20_000, 4)) * 0.1
    axes = np.linalg.eigh(ball.T @ ball)[1]
    assert partition_isotropy(ball, axes).value > 0.99
    shifted = ball + np.array([2.0, 0, 0, 0])
    assert partition_isotropy(shifted, np.linalg.eigh(shifted.T @ shifted)[1]).value < 0.03


def test_large_vectors_do_not_overflow():
    vectors, directions = cloud()
    found = partition_isotropy(vectors * 1e6, directions)
    assert 0.0 <= found.value < 1e-300
    assert all(np.isfinite(found.interval))


def test_there_is_none_without_a_vector_and_no_interval_of_one():
    vectors, directions = cloud()
    assert partition_isotropy(vectors[:0], directions).value is None
    assert partition_isotropy(vectors[:1], directions).interval is None
