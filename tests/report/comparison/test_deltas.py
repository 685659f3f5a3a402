"""The numbers of two reports beside one another."""

import math

import numpy as np
import pytest

from sphering.report.comparison.deltas import delta, deltas
from sphering.report.comparison.evaluations import evaluation_sentences, evaluations


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
    assert delta({"value": 1.0}, empty) == {
        "a": 1.0,
        "b": None,
        "change": None,
        "reason": "no pair",
    }
    a = {"raw": {"old": {"value": 1}}, "transformed": {}, "texts": {"texts": {"value": 4}}}
    b = {"raw": {"new": {"value": 2}}, "transformed": {}, "texts": {"texts": {"value": 3}}}
    found = deltas(a, b)
    assert found["raw"] == {
        "old": {"a": 1, "b": None, "change": None},
        "new": {"a": None, "b": 2, "change": None},
    }
    assert found["texts"]["texts"] == {"a": 4, "b": 3, "change": -1}


def report(spearman, **kinds):
    """Return a report with an evaluation by pairs, and labels."""
    number = {"value": spearman, "interval": [spearman - 0.1, spearman + 0.1]}
    cosine = f"{spearman:g}"
    return {
        "raw": {},
        "transformed": {"rank": {"value": 3}},
        "texts": {"texts": {"value": 4}},
        "label_geometry": {"topic": {"raw": {"nc1": number}, "transformed": {"nc1": number}}},
        "evaluation": {
            "evaluation": f"of {spearman}",
            "pairs": {"positives": 2, "raw": {"spearman": number, "thresholds": {cosine: {"recall": number}}}},
            **kinds,
        },
    }


def test_numbers_of_what_both_reports_measure_are_compared_with_their_intervals():
    queries = {"raw": {"alpha": {"value": 20.0}}, "queries": 3}
    found = deltas(report(0.5), report(0.75, **queries))
    assert list(found) == ["transformed", "texts", "pairs", "labels.topic"]
    assert list(found["pairs"]) == ["raw.spearman", "positives"]
    assert found["pairs"]["positives"] == {"a": 2, "b": 2, "change": 0}
    moved = found["labels.topic"]["transformed.nc1"]
    assert (moved["a"], moved["b"], moved["change"]) == (0.5, 0.75, 0.25)
    assert moved["interval"] == pytest.approx([0.25 - math.hypot(0.1, 0.1), 0.25 + math.hypot(0.1, 0.1)])


@pytest.mark.parametrize(
    ("digests", "same", "words"),
    [
        (({"pairs": "x"}, {"pairs": "x"}), True, "is the same in both reports"),
        (({"pairs": "x"}, {"pairs": "y"}), False, "is another in B"),
        (({"pairs": "x"}, {}), None, "may be another in B"),
    ],
)
def test_whether_two_reports_were_evaluated_on_the_same_is_told_by_what_was_read_and_not_by_the_id(
    digests, same, words
):
    found = evaluations(report(0.5), report(0.75), digests)
    assert found["same"] == {"pairs": same}
    (sentence,) = evaluation_sentences(found)
    assert sentence.startswith(f"the evaluation by pairs {words}")


def test_one_evaluation_is_the_same_and_a_kind_that_one_report_alone_has_is_named():
    queries = {"raw": {"alpha": {"value": 20.0}}}
    found = evaluations(report(0.5), report(0.5, **queries), ({}, {}))
    assert found == {
        "a": {"evaluation": "of 0.5", "kinds": ["pairs"]},
        "b": {"evaluation": "of 0.5", "kinds": ["queries", "pairs"]},
        "same": {"pairs": True},
    }
    assert evaluation_sentences(found) == [
        "the evaluation by pairs is the same in both reports",
        "the evaluation by queries is in B alone: its numbers are not compared",
    ]
    bare = {**report(0.5), "evaluation": None}
    assert evaluation_sentences(evaluations(bare, bare, ({}, {}))) == []


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
