"""Spearman's correlation against scipy, and its interval against a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sphering.geometry.rank_correlation import average_ranks, spearman, spearman_estimate

SMALL = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=40)


@given(SMALL)
def test_ranks_and_correlation_are_scipys_ties_included(pairs):
    left, right = np.array(pairs, dtype=float).T
    assert np.array_equal(average_ranks(left), stats.rankdata(left))
    found = spearman(left, right)
    if len(set(left)) == 1 or len(set(right)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(left, right).statistic, abs=1e-12)


def test_the_interval_covers_the_truth_in_at_least_93_of_100_samples():
    rng = np.random.default_rng(3)
    for correlation in (0.0, 0.5, 0.8):
        truth = 6 / np.pi * np.arcsin(correlation / 2)  # of a bivariate normal (Pearson 1907)
        draws = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], size=(1000, 100))
        intervals = [spearman_estimate(*draw.T).interval for draw in draws]
        assert np.mean([low <= truth <= high for low, high in intervals]) >= 0.93


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [([], [], "fewer"), ([1.0], [2.0], "fewer"), ([1, 1, 1], [1, 2, 3], "cosine"), ([1, 2, 3], [5, 5, 5], "score")],
)
def test_without_an_order_there_is_no_number_but_a_reason(left, right, reason):
    found = spearman_estimate(np.array(left), np.array(right))
    assert found.value is None
    assert reason in found.reason


def test_a_perfect_order_has_a_value_and_no_interval():
    found = spearman_estimate(np.arange(9.0), np.arange(9.0) ** 3)
    assert (found.value, found.interval, found.n) == (1.0, None, 9)
