"""Effective ranks from moments equal those of the singular values of the vectors, and each convention is another."""

import numpy as np
import pytest

from sphering.geometry.effective_rank import nesum, rankme, second_moment, stable_rank
from sphering.geometry.moments import Moments
from sphering.geometry.self_cluster import self_cluster
from sphering.geometry.spectrum import entropy_rank, spectrum

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


@pytest.fixture(scope="module")
def vectors():
    generator = np.random.default_rng(0)
    return generator.standard_normal((200, 20)) * np.geomspace(1, 0.05, 20) + generator.standard_normal(20)


def test_rankme_and_the_stable_rank_are_those_of_the_singular_values(vectors):
    sigma = np.linalg.svd(vectors, compute_uv=False)
    p = sigma / sigma.sum() + 1e-7
    values, directions = second_moment(filled(vectors))
    assert rankme(values, 200).value == pytest.approx(np.exp(-np.sum(p * np.log(p))), rel=1e-9)
    assert stable_rank(values, 200).value == pytest.approx(np.sum(sigma**2) / sigma[0] ** 2, rel=1e-10)
    assert directions.T @ directions == pytest.approx(np.eye(20), abs=1e-12)
    assert values == pytest.approx(sigma**2 / 200, rel=1e-9)


def test_nesum_is_the_stable_rank_of_the_centred_vectors(vectors):
    sigma = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    found = nesum(spectrum(filled(vectors)))
    assert found.value == pytest.approx(np.sum(sigma**2) / sigma[0] ** 2, rel=1e-10)
    centred = second_moment(filled(vectors - vectors.mean(axis=0)))[0]
    assert stable_rank(centred, 200).value == pytest.approx(found.value, rel=1e-10)


def test_the_three_conventions_of_an_effective_rank_differ(vectors):
    values, _ = second_moment(filled(vectors))
    found = {rankme(values, 200).value, stable_rank(values, 200).value, entropy_rank(spectrum(filled(vectors))).value}
    assert max(found) - min(found) > 1
    assert len({round(each) for each in found}) == 3


def test_equal_vectors_have_one_uncentred_direction_and_no_nesum():
    moments = filled(np.full((40, 6), 0.3, np.float32))
    values, _ = second_moment(moments)
    assert stable_rank(values, 40).value == pytest.approx(1.0)
    assert rankme(values, 40).value == pytest.approx(1.0, abs=1e-4)
    assert nesum(spectrum(moments)).value is None


def test_selfcluster_is_the_mean_square_cosine_on_a_scale_from_random_to_one_line(vectors):
    units = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    squares = (units @ units.T)[np.triu_indices(200, 1)] ** 2
    assert self_cluster(filled(vectors)).value == pytest.approx((squares.mean() - 1 / 20) / (1 - 1 / 20), abs=1e-12)
    line = np.outer(np.arange(1, 30) * (-1.0) ** np.arange(29), np.ones(5))
    assert self_cluster(filled(line)).value == pytest.approx(1.0)
    sphere = np.random.default_rng(1).standard_normal((3000, 8))
    assert self_cluster(filled(sphere)).value == pytest.approx(0.0, abs=2e-3)
    assert self_cluster(filled(line[:, :1])).value is None
