from __future__ import annotations

import numpy as np
import pytest

from sphering.geometry.moments import Moments
from sphering.geometry.shrinkage import ledoit_wolf, oas


def moments(rows, weights=None):
    found = Moments.empty(rows.shape[1])
    found.update(rows) if weights is None else found.update(rows, weights)
    return found


@pytest.mark.parametrize("share", [ledoit_wolf, oas])
def test_equal_weights_shrink_as_no_weights_do(share):
    rows = np.random.default_rng(0).standard_normal((60, 12)) * np.arange(1, 13)
    assert share(moments(rows, np.full(60, 7.0))) == pytest.approx(share(moments(rows)), rel=1e-12)


def test_weighted_ledoit_wolf_is_the_error_of_a_weighted_mean_of_outer_products():
    rng = np.random.default_rng(1)
    rows, weights = rng.standard_normal((200, 6)) * np.arange(1, 7), rng.random(200)
    share = weights / weights.sum()
    centred = rows - share @ rows
    covariance = (centred * share[:, None]).T @ centred
    target = np.trace(covariance) / 6 * np.eye(6)
    spread = sum(p * np.sum((np.outer(x, x) - covariance) ** 2) for p, x in zip(share, centred, strict=True)) * np.sum(
        share**2
    )
    expected = spread / np.sum((covariance - target) ** 2)
    assert ledoit_wolf(moments(rows, weights)) == pytest.approx(expected, rel=1e-10)


def test_few_rows_that_count_shrink_more_than_many():
    rows = np.random.default_rng(2).standard_normal((400, 12)) * np.arange(1, 13)
    few = np.where(np.arange(400) < 40, 1.0, 1e-6)
    assert oas(moments(rows, few)) > 3 * oas(moments(rows))
