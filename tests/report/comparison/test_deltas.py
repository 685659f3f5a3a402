"""The numbers of two reports beside one another."""

import math

import numpy as np
import pytest

from sphering.report.comparison.deltas import delta, deltas


def test_the_interval_of_a_change_adds_the_squared_half_widths_on_each_side():
    found = delta({"value": 0.5, "interval": [0.2, 0.6]}, {"value": 0.9, "interval": [0.86, 0.93]})
    assert (found["a"], found["b"], found["change"]) == (0.5, 0.9, pytest.approx(0.4))
    assert found["interval"] == pytest.approx([0.4 - math.hypot(0.04, 0.1), 0.4 + math.hypot(0.03, 0.3)])


def test_an_exact_number_adds_nothing_to_the_interval():
    assert "interval" not in delta({"value": 3}, {"value": 5})
    assert delta({"value": 3}, {"value": 5, "interval": [4, 7]})["interval"] == [1, 4]
    assert delta({"value": 3, "interval": [1, 4]}, {"value": 5})["interval"] == [1, 4]


def test_what_one_report_lacks_has_no_change():
    empty = {"value": None, "reason": "no pair"}
    assert delta(None, {"value": 1.0}) == {"a": None, "b": 1.0, "change": None}
    assert delta({"value": 1.0}, empty) == {"a": 1.0, "b": None, "change": None}
    a = {"raw": {"old": {"value": 1}}, "transformed": {}, "texts": {"texts": {"value": 4}}}
    b = {"raw": {"new": {"value": 2}}, "transformed": {}, "texts": {"texts": {"value": 3}}}
    found = deltas(a, b)
    assert found["raw"] == {
        "old": {"a": 1, "b": None, "change": None},
        "new": {"a": None, "b": 2, "change": None},
    }
    assert found["texts"]["texts"] == {"a": 4, "b": 3, "change": -1}


def test_changes_of_independent_samples_are_covered():
    generator = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        entries = []
        for mean, n in ((0.2, 50), (0.5, 200)):
            x = generator.normal(mean, 1.0, n)
            half = 1.96 * x.std(ddof=1) / math.sqrt(n)
            entries.append({"value": x.mean(), "interval": [x.mean() - half, x.mean() + half]})
        low, high = delta(*entries)["interval"]
        held.append(low <= 0.3 <= high)
    assert np.mean(held) >= 0.93
