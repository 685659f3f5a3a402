"""Gates: bounds are inclusive, defaults hold until they are replaced, and no name is silently unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.config.model import GateConfig
from sphering.errors import ConfigError
from sphering.gate.defaults import RELEASE_DEFAULTS, RUN_DEFAULTS, release_gates, run_gates
from sphering.gate.judge import judge
from sphering.gate.names import EVALUATION_METRICS, RUN_METRICS, change_of, check_names, label_metrics, release_names


def test_the_defaults_are_those_of_the_design() -> None:
    run, release = run_gates(()), release_gates((), ("index",))
    assert {gate.metric: (gate.min, gate.max, gate.severity) for gate in (*run, *release)} == {
        "quarantined_share": (None, 0.01, "fail"),
        "documents_change": (-0.2, None, "fail"),
        "non_finite": (None, 0.0, "fail"),
        "excluded_share": (None, 0.001, "fail"),
        "recall_at_10": (0.9, None, "fail"),
        "truncated_share": (None, 0.05, "warn"),
        "unknown_share": (None, 0.01, "warn"),
    }


def test_a_configured_gate_replaces_the_default_on_the_same_number() -> None:
    mine = GateConfig(metric="documents_change", min=-0.9, severity="warn")
    also = GateConfig(metric="transformed.mean_cosine", max=0.1)
    assert run_gates((mine, also)) == (RUN_DEFAULTS[0], mine)
    assert release_gates((mine, also), ()) == (*RELEASE_DEFAULTS, also)


def test_a_plain_name_and_the_transformed_one_are_the_same_number() -> None:
    mine = GateConfig(metric="transformed.non_finite", max=5.0)
    assert "non_finite" not in {gate.metric for gate in release_gates((mine,), ())}


def test_a_gate_on_one_export_replaces_the_default_for_that_export_alone() -> None:
    mine = GateConfig(metric="exports.index.recall_at_10", min=0.8)
    names = ("index", "other", "exact")
    found = release_gates((mine,), names, {"index": None, "other": None})
    assert mine in found
    assert GateConfig(metric="exports.other.recall_at_10", min=0.9) in found
    assert {gate.metric for gate in found}.isdisjoint({"recall_at_10", "exports.other.excluded_share"})
    assert "exports.exact.recall_at_10" not in {gate.metric for gate in found}
    assert "recall_at_10" not in {gate.metric for gate in release_gates((mine,), ("index",), {"index": None})}


def test_gates_on_the_run_s_numbers_are_told_from_those_on_a_release() -> None:
    gates = tuple(GateConfig(metric=name, min=0.0) for name in (*RUN_METRICS, "raw.isoscore"))
    assert {gate.metric for gate in run_gates(gates)} == set(RUN_METRICS)
    assert {gate.metric for gate in release_gates(gates, ())}.isdisjoint(RUN_METRICS)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_bounds_are_inclusive(value: float, least: float, most: float) -> None:
    (result,) = judge([GateConfig(metric="rank", min=least, max=most)], {"rank": value})
    assert result.passed == (least <= value <= most)
    (edge,) = judge([GateConfig(metric="rank", min=value, max=value)], {"rank": value})
    assert edge.passed


def test_a_number_without_a_value_tonight_passes_and_says_none() -> None:
    (result,) = judge([GateConfig(metric="documents_change", min=-0.2)], {"documents_change": None})
    assert result.passed
    assert result.value is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("quarantine_share", "quarantined_share"),
        ("transformed.mean_cosin", "transformed.mean_cosine"),
        ("raw.iso_score", "raw.isoscore"),
        ("recall@10", "recall_at_10"),
        ("exports.faiss.recall_at10", "exports.faiss.recall_at_10"),
        ("transformed.mean_cosin_change", "transformed.mean_cosine_change"),
        ("text_change", "texts_change"),
        ("evaluation.raw.ndcg_change", "evaluation.raw.ndcg_at_10_change"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_names((GateConfig(metric=wrong, max=1.0),), ("faiss",), evaluated=True)
    assert wrong in str(caught.value)
    assert right in str(caught.value)


def test_a_gate_on_an_export_that_is_not_configured_is_refused() -> None:
    gate = GateConfig(metric="exports.fais.recall_at_10", min=0.9)
    check_names([gate], ["fais"], evaluated=False)
    with pytest.raises(ConfigError, match=r"exports\.faiss\.recall_at_10"):
        check_names([gate], ["faiss", "vectors"], evaluated=False)


@pytest.mark.parametrize("metric", ["evaluation.raw.ndcg_at_10", "evaluation.raw.ndcg_at_10_change"])
def test_a_gate_on_an_evaluation_needs_one(metric: str) -> None:
    gate = GateConfig(metric=metric, min=0.5)
    check_names([gate], [], evaluated=True)
    with pytest.raises(ConfigError, match=r"\[evaluation\]"):
        check_names([gate], [], evaluated=False)


def test_a_misspelt_number_of_an_evaluation_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.raw\.ndcg_at_10"):
        check_names([GateConfig(metric="evaluation.raw.ndcg", min=0.5)], [], evaluated=True)


def test_a_name_that_nothing_resembles_is_refused_too() -> None:
    with pytest.raises(ConfigError, match="zzzz"):
        check_names([GateConfig(metric="zzzz", max=1.0)], [], evaluated=False)


def test_judging_a_number_that_was_not_measured_is_refused() -> None:
    numbers: dict[str, Any] = {"rank": 3.0}
    with pytest.raises(ConfigError, match="rank"):
        judge([GateConfig(metric="rnak", max=1.0)], numbers)


@pytest.mark.parametrize("metric", ["labels.topic.raw.knn_accuracy_1", "labels.a.b.cosine_gap_change"])
def test_a_gate_on_labels_needs_their_column(metric: str) -> None:
    gate = GateConfig(metric=metric, min=0.5)
    check_names([gate], [], evaluated=False, labels=["topic", "a.b"])
    with pytest.raises(ConfigError, match=r"which no run measures"):
        check_names([gate], [], evaluated=False, labels=["other"])


def test_what_only_an_extended_report_measures_of_labels_needs_one() -> None:
    gate = GateConfig(metric="labels.topic.transformed.nc1", max=1.0)
    check_names([gate], [], evaluated=False, labels=["topic"], extended=True)
    with pytest.raises(ConfigError, match=r"labels\.topic\.transformed\.nc1"):
        check_names([gate], [], evaluated=False, labels=["topic"])


def test_every_documented_name_passes_the_check() -> None:
    measured = (*release_names(), *EVALUATION_METRICS, "exports.a.b.excluded_share", *label_metrics("c.d"))
    names = (*RUN_METRICS, *measured, *map(change_of, measured))
    check_names(
        [GateConfig(metric=name, max=1.0) for name in names], ["a.b"], evaluated=True, labels=["c.d"], extended=True
    )


def test_the_recall_that_settings_are_chosen_for_is_a_gate_on_its_lower_bound_in_place_of_the_default():
    found = release_gates((), ("index", "other", "exact"), {"index": 0.95, "other": None})
    assert "exports.exact.recall_at_10" not in {gate.metric for gate in found}
    assert GateConfig(metric="exports.index.recall_at_10_low", min=0.95) in found
    assert GateConfig(metric="exports.other.recall_at_10", min=0.9) in found
    assert {gate.metric for gate in found}.isdisjoint({"recall_at_10", "exports.index.recall_at_10"})


def test_a_gate_of_the_configuration_replaces_that_of_the_chosen_settings():
    mine = GateConfig(metric="exports.index.recall_at_10_low", min=0.5)
    found = release_gates((mine,), ("index",), {"index": 0.95})
    assert [gate for gate in found if gate.metric.startswith("exports.")] == [mine]
