"""Calibration errors and bounds on cosines against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from sphering.geometry.calibration import BINS, bounds, calibration_error


def test_the_error_is_the_mean_gap_between_confidence_and_truth_over_bins():
    confidence = np.repeat(np.linspace(0.05, 0.95, BINS), 20)
    correct = np.tile(np.arange(20) < 10, BINS)  # half of each bin
    assert calibration_error(confidence, correct).value == pytest.approx(
        np.abs(np.linspace(0.05, 0.95, 10) - 0.5).mean()
    )


def test_a_calibrated_model_has_the_error_that_chance_alone_gives():
    rng = np.random.default_rng(0)
    confidence = rng.random(20_000)
    assert calibration_error(confidence, rng.random(20_000) < confidence).value < 0.015
    assert calibration_error(confidence, rng.random(20_000) < confidence**3).value > 0.2


def test_too_few_items_fill_no_bins():
    assert "bins" in calibration_error(np.ones(9), np.ones(9, dtype=bool)).reason


def test_a_bound_lets_through_what_a_plain_count_says():
    rng = np.random.default_rng(1)
    cosines = rng.uniform(-0.2, 1, 500).astype(np.float32)
    right = rng.random(500) < cosines
    found = bounds(cosines, right, 400)
    assert [each.cosine for each in found] == sorted({each.cosine for each in found})
    for each in found:
        through = cosines.astype(np.float64) >= each.cosine
        assert (each.accepted, each.right) == (through.sum(), (through & right).sum())
        assert each.precision == each.right / through.sum()
        assert each.recall == each.right / 400
    assert found[-1].precision > found[0].precision
    assert found[-1].recall < found[0].recall


def test_equal_cosines_give_one_bound_and_nothing_gives_none():
    assert [each.accepted for each in bounds(np.full(30, 0.5), np.ones(30, dtype=bool), 30)] == [30]
    assert bounds(np.empty(0), np.empty(0, dtype=bool), 5) == []
    assert bounds(np.ones(3), np.zeros(3, dtype=bool), 0) == []
