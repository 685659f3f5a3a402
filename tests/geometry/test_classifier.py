"""Telling two sets apart: a half where nothing differs, one where all does."""

import numpy as np
import pytest

from sphering.errors import InputError
from sphering.geometry.classifier import LEAST, domain_auc

pytestmark = pytest.mark.filterwarnings("error")


def cloud(n, seed, d=20):
    return (np.random.default_rng(seed).standard_normal((n, d)) * np.geomspace(1, 0.1, d)).astype(np.float32)


def test_samples_of_one_population_cannot_be_told_apart():
    found = [domain_auc(cloud(300, seed), cloud(200, seed + 1)) for seed in range(0, 40, 2)]
    assert np.mean([each.value for each in found]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([low <= 0.5 <= high for low, high in (each.interval for each in found)]) >= 0.85
    assert found[0].n == 500


def test_sets_that_lie_apart_are_told_apart():
    shifted = domain_auc(cloud(300, 1), cloud(300, 2) + np.float32(1.0))
    assert shifted.value > 0.999
    little = domain_auc(cloud(2000, 1), cloud(2000, 2) + np.full(20, 0.05, np.float32))
    # The best direction: AUC = Φ(δ/√2), δ the Mahalanobis distance of the means (Su & Liu 1993).
    from scipy.stats import norm

    assert little.value == pytest.approx(norm.cdf(np.linalg.norm(0.05 / np.geomspace(1, 0.1, 20)) / 2**0.5), abs=0.02)


def test_rotated_and_scaled_sets_are_told_apart_as_well():
    one, two = cloud(200, 1).astype(float), cloud(200, 2).astype(float) + 0.1
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((20, 20)))[0]
    expected = domain_auc(one, two)
    assert domain_auc(one @ turn, two @ turn).value == pytest.approx(expected.value, abs=1e-3)
    assert domain_auc(one * 1e-3 + 7, two * 1e-3 + 7).value == pytest.approx(expected.value, abs=1e-3)
    assert domain_auc(one, two) == expected


def test_degenerate_sets_have_a_right_value_or_a_reason():
    constant = np.full((LEAST, 4), 0.5, np.float32)
    assert domain_auc(constant, constant).value == 0.5
    assert domain_auc(constant, constant + 1).value == 1.0
    assert "five folds need 25 of each" in domain_auc(constant[1:], constant).reason
    assert domain_auc(cloud(50, 1).astype(np.float16), cloud(50, 2).astype(np.float16)).value is not None
    assert domain_auc(cloud(50, 1)[:, :1], cloud(50, 2)[:, :1]).value is not None
    assert domain_auc(cloud(50, 1) * 1e30, cloud(50, 2) * 1e30 + 1e30).value > 0.9
    with pytest.raises(InputError, match=r"\(n', d\)"):
        domain_auc(constant, constant[:, :3])
    with pytest.raises(InputError, match="not finite"):
        domain_auc(constant, constant * np.nan)
