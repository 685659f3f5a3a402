"""How numbers change since the base: counts by their share, all others by their difference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sphering.gate.changes import changes
from sphering.gate.names import COUNT_METRICS, EVALUATION_METRICS, EXPORT_METRICS, change_of, release_names
from sphering.gate.numbers import release_numbers

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_a_count_changes_by_its_share_and_another_number_by_its_difference() -> None:
    tonight = {"texts": 90.0, "transformed.mean_cosine": 0.5, "exports.a.recall_at_10": 0.9, "evaluation.queries": 30.0}
    base = {"texts": 100.0, "transformed.mean_cosine": 0.2, "exports.a.recall_at_10": 1.0, "evaluation.queries": 20.0}
    assert changes(tonight, base) == {
        "texts_change": pytest.approx(-0.1),
        "transformed.mean_cosine_change": pytest.approx(0.3),
        "exports.a.recall_at_10_change": pytest.approx(-0.1),
        "evaluation.queries_change": pytest.approx(0.5),
    }


def test_a_count_that_was_nothing_has_a_change_that_a_gate_can_bound() -> None:
    assert changes({"truncated": 7.0, "raw.zero": 0.0}, {"truncated": 0.0, "raw.zero": 0.0}) == {
        "truncated_change": 7.0,
        "raw.zero_change": 0.0,
    }


def test_without_a_base_or_where_either_lacks_the_number_there_is_no_change() -> None:
    assert changes({"texts": 5.0}, {}) == {"texts_change": None}
    assert changes({"texts": None}, {"texts": 5.0}) == {"texts_change": None}
    assert changes({"exports.new.excluded": 0.0}, {"exports.old.excluded": 0.0}) == {
        "exports.new.excluded_change": None
    }


def test_every_number_of_a_release_has_a_change() -> None:
    report = {"texts": {"documents": 4}, "transform": {"drift": None}, "transformed": {"zero": 0, "non_finite": 0}}
    tonight = release_numbers({**report, "raw": {}}, {"a": {"excluded": 1}})
    expected = {*release_names(), *EVALUATION_METRICS, *(f"exports.a.{name}" for name in EXPORT_METRICS)}
    assert expected <= set(tonight)
    assert set(changes(tonight, tonight)) == {change_of(name) for name in tonight}
    assert tonight["exports.a.excluded_share"] == 0.25


def test_the_page_names_every_relative_change() -> None:
    of_evaluation = {name.rpartition(".")[2] for name in EVALUATION_METRICS}
    named = set(re.findall(r"`([a-z_]+)_change`", PAGE))
    assert sorted(COUNT_METRICS - of_evaluation - named) == []
    assert sorted(name for name in named if name not in COUNT_METRICS) == []
