"""Gates: bounds are inclusive, defaults hold until they are replaced, and no name is silently unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.config.model import GateConfig
from sphering.errors import ConfigError
from sphering.gate.defaults import RELEASE_DEFAULTS, RUN_DEFAULTS, split
from sphering.gate.judge import judge
from sphering.gate.names import RUN_METRICS, check_names, release_names


def test_the_defaults_are_those_of_the_design() -> None:
    run, release = split(())
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
    run, release = split((mine, also))
    assert run == (RUN_DEFAULTS[0], mine)
    assert release == (*RELEASE_DEFAULTS, also)


def test_gates_on_the_run_s_numbers_are_told_from_those_on_a_release() -> None:
    run, release = split(tuple(GateConfig(metric=name, min=0.0) for name in (*RUN_METRICS, "raw.isoscore")))
    assert {gate.metric for gate in run} == set(RUN_METRICS)
    assert "raw.isoscore" in {gate.metric for gate in release}


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
        ("exports.faiss.recall", "exports.faiss.recall_at_10"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split((GateConfig(metric=wrong, max=1.0),))
    assert wrong in str(caught.value)
    assert right in str(caught.value)


def test_a_gate_on_an_export_that_is_not_configured_is_refused() -> None:
    gate = GateConfig(metric="exports.fais.recall_at_10", min=0.9)
    check_names([gate])
    with pytest.raises(ConfigError, match=r"exports\.faiss\.recall_at_10"):
        check_names([gate], exports=["faiss", "vectors"])


def test_a_name_that_nothing_resembles_is_refused_too() -> None:
    with pytest.raises(ConfigError, match="zzzz"):
        check_names([GateConfig(metric="zzzz", max=1.0)])


def test_judging_a_number_that_was_not_measured_is_refused() -> None:
    numbers: dict[str, Any] = {"rank": 3.0}
    with pytest.raises(ConfigError, match="rank"):
        judge([GateConfig(metric="rnak", max=1.0)], numbers)


def test_every_documented_name_passes_the_check() -> None:
    names = (*RUN_METRICS, *release_names(), "exports.a.b.excluded_share", "evaluation.raw.recall_at_10")
    check_names([GateConfig(metric=name, max=1.0) for name in names])
