"""Alignment and InfoNCE against their definitions, down to τ = 0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from sphering.errors import InputError
from sphering.geometry.contrastive import BATCH, TEMPERATURES, alignment, info_nce, tempered_losses


def _units(rows, seed, dimension=6):
    vectors = np.random.default_rng(seed).standard_normal((rows, dimension))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def cosines():
    return _units(40, 1) @ _units(40, 2).T


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_loss_is_the_negative_logarithm_of_the_softmax(cosines, temperature):
    expected = logsumexp(cosines / temperature, axis=1) - np.diagonal(cosines) / temperature
    assert tempered_losses(cosines, temperature) / temperature == pytest.approx(expected, rel=1e-11)


def test_without_temperature_the_nearest_candidate_alone_decides(cosines):
    nearest = cosines.max(axis=1) - np.diagonal(cosines)
    assert np.array_equal(tempered_losses(cosines, 0.0), nearest)
    assert np.array_equal(nearest == 0.0, cosines.argmax(axis=1) == np.arange(40))
    for temperature in 10.0 ** -np.arange(1, 320, 7):
        found = tempered_losses(cosines, temperature)
        assert np.isfinite(found).all()
        # max ≤ τ logsumexp(m/τ) ≤ max + τ ln n
        assert (nearest <= found).all()
        assert (found <= nearest + temperature * np.log(40) + 1e-15).all()


def test_where_all_are_alike_the_loss_is_the_logarithm_of_the_batch():
    same = np.ones((3 * BATCH, 1))
    found = info_nce(same, same, np.arange(len(same)))
    assert [each.value for each in found.values()] == pytest.approx([np.log(BATCH)] * len(TEMPERATURES))


def test_copies_of_the_right_one_are_no_negatives(cosines):
    excluded = np.zeros((40, 40), dtype=bool)
    excluded[:, 7] = True
    without = np.delete(np.delete(cosines, 7, axis=1), 7, axis=0)
    found = np.delete(tempered_losses(cosines, 0.05, excluded), 7)
    assert found == pytest.approx(tempered_losses(without, 0.05), abs=1e-14)
    assert tempered_losses(cosines, 0.05, np.ones((40, 40), dtype=bool)) == pytest.approx(np.zeros(40), abs=1e-15)


def test_batches_have_one_size_and_their_spread_is_the_interval():
    first, second = _units(2 * BATCH + 50, 1), _units(2 * BATCH + 50, 2)
    found = info_nce(first, second, np.arange(len(first)), [0.1])[0.1]
    parts = [slice(0, BATCH), slice(BATCH, 2 * BATCH)]
    expected = [tempered_losses(first[part] @ second[part].T, 0.1).mean() / 0.1 for part in parts]
    assert found.value == pytest.approx(np.mean(expected))
    assert found.n == 2 * BATCH
    assert found.interval[0] < found.value < found.interval[1]
    assert info_nce(first[:50], second[:50], np.arange(50), [0.1])[0.1].interval is None


@pytest.mark.parametrize("n", [0, 1])
def test_without_negatives_there_is_no_loss(n):
    found = info_nce(np.ones((n, 2)), np.ones((n, 2)), np.arange(n))
    assert {each.value for each in found.values()} == {None}


@pytest.mark.parametrize("temperature", [-0.1, np.nan, np.inf])
def test_a_temperature_that_is_none_is_refused(cosines, temperature):
    with pytest.raises(InputError, match="temperature"):
        tempered_losses(cosines, temperature)


def test_alignment_is_the_mean_squared_distance_of_positive_pairs():
    u, v = _units(100, 1), _units(100, 2)
    found = alignment(np.einsum("ij,ij->i", u, v))
    assert found.value == pytest.approx(np.mean(np.sum((u - v) ** 2, axis=1)))
    assert found.interval[0] < found.value < found.interval[1]
    assert alignment(np.ones(1)).value == 0.0
    assert "positive" in alignment(np.empty(0)).reason
