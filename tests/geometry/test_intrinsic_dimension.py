"""Intrinsic dimension: that of scikit-dimension, of known surfaces, and never an infinity from a duplicate."""

import numpy as np
import pytest

from sphering.geometry.intrinsic_dimension import mle_dimension, nearest_neighbours, two_nn

pytestmark = pytest.mark.filterwarnings("error")


def ball(d, n, seed=0, inside=None):
    generator = np.random.default_rng(seed)
    points = generator.standard_normal((n, d))
    points *= generator.random((n, 1)) ** (1 / d) / np.linalg.norm(points, axis=1)[:, None]
    return points if inside is None else points @ np.linalg.qr(generator.standard_normal((inside, d)))[0].T


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("d", "inside"), [(5, None), (3, 30)])
def test_the_harmonic_mean_is_that_of_scikit_dimension(d, inside):
    import skdim

    vectors = ball(d, 400, inside=inside)
    oracle = skdim.id.MLE().fit(vectors, n_neighbors=20, comb="mle").dimension_
    assert mle_dimension(nearest_neighbours(vectors).distances).value == pytest.approx(oracle, rel=1e-12)


def test_distances_are_those_of_the_loop():
    vectors = ball(4, 60, inside=9)
    everything = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    assert nearest_neighbours(vectors, 5).distances == pytest.approx(np.sort(everything, axis=1)[:, 1:6], rel=1e-12)


def test_two_nn_has_the_exact_interval_of_its_model():
    from scipy import stats

    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        second = generator.pareto(7.0, 80) + 1.0
        found = two_nn(np.stack([np.ones(80), second], axis=1))
        total = np.log(second).sum()
        assert found.value == pytest.approx(79 / total)
        assert found.interval == pytest.approx(stats.chi2.ppf([0.025, 0.975], 160) / (2 * total))
        covered += found.interval[0] <= 7.0 <= found.interval[1]
    assert covered / 400 >= 0.93


def test_a_ball_has_about_its_dimension():
    found = two_nn(nearest_neighbours(ball(5, 1000), 2).distances)
    assert found.value == pytest.approx(4.7, abs=0.3)
    assert mle_dimension(nearest_neighbours(ball(2, 2000, inside=40)).distances).value == pytest.approx(2.0, abs=0.1)


def test_duplicates_are_one_point():
    vectors = ball(4, 120)
    twice = np.concatenate([vectors, vectors[:50], vectors[:50]])
    assert two_nn(nearest_neighbours(twice).distances).value == two_nn(nearest_neighbours(vectors).distances).value


def test_a_lattice_and_too_few_points_have_none():
    lattice = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1).reshape(-1, 2)
    assert two_nn(nearest_neighbours(lattice).distances).value is None
    for n in (0, 1, 2):
        assert two_nn(nearest_neighbours(ball(3, n)).distances).value is None
    assert "20 neighbours" in mle_dimension(nearest_neighbours(ball(3, 20)).distances).reason
    assert mle_dimension(nearest_neighbours(np.ones((40, 3))).distances).value is None
