"""The numbers that gates see are those of the report and of the exports."""

from __future__ import annotations

from typing import Any

import pytest

from sphering.config.model import GateConfig, ReportConfig
from sphering.gate.defaults import release_gates
from sphering.gate.judge import judge
from sphering.gate.names import check_names, release_names
from sphering.gate.numbers import release_numbers
from sphering.report.catalogue import EXTENDED
from sphering.report.numbers import measure
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform


@pytest.fixture(scope="module")
def report(bank: Snapshot, centred: Transform) -> dict[str, Any]:
    undefined = {"value": None, "kind": "exact", "n": 0, "reason": "no query is judged"}
    evaluation = {
        "evaluation": "0123456789abcdef",
        "queries": 4,
        "raw": {"ndcg_at_10": undefined},
        "transformed": {"recall_at_10": {"value": 0.75, "kind": "exact", "n": 4}},
    }
    return measure(bank, centred, ReportConfig(sample=200), evaluation=evaluation)


def export(recall: float | None = None, excluded: int = 0) -> dict[str, Any]:
    measured = {"recall_at_10": {"value": recall, "kind": "sampled", "n": 1000}} if recall is not None else {}
    return {
        "format": "faiss",
        "approximate": recall is not None,
        "excluded": excluded,
        "max_norm_error": 1e-7,
        **measured,
    }


def test_every_number_has_a_name_that_the_check_knows(report: dict[str, Any]) -> None:
    numbers = release_numbers(report, {"hnsw": export(0.97)})
    assert set(release_names()) <= set(numbers)
    check_names([GateConfig(metric=name, max=1.0) for name in numbers], ["hnsw"], evaluated=True, extended=True)
    missing = {name.rpartition(".")[2] for name in release_names() if numbers[name] is None}
    assert missing == {"rogue_share_top3", *EXTENDED}  # the mean cosine of what was centred has no share


def test_plain_names_are_the_transformed_numbers(report: dict[str, Any]) -> None:
    numbers = release_numbers(report, {})
    assert numbers["mean_cosine"] == numbers["transformed.mean_cosine"] == report["transformed"]["mean_cosine"]["value"]
    assert numbers["raw.mean_cosine"] == report["raw"]["mean_cosine"]["value"] != numbers["mean_cosine"]
    assert numbers["knn_overlap_dot_cosine"] == report["raw"]["knn_overlap_dot_cosine"]["value"]
    assert numbers["unknown_share"] == report["texts"]["unknown_share"]["value"]
    assert (numbers["evaluation.transformed.recall_at_10"], numbers["evaluation.queries"]) == (0.75, 4)
    assert "documents" not in numbers


def test_a_number_of_the_evaluation_without_a_value_tonight_passes(report: dict[str, Any]) -> None:
    numbers = release_numbers(report, {})
    (result,) = judge([GateConfig(metric="evaluation.raw.ndcg_at_10", min=0.5)], numbers)
    assert (result.value, result.passed) == (None, True)


def test_plain_recall_is_the_smallest_and_plain_excluded_the_largest(report: dict[str, Any]) -> None:
    exports = {"a": export(0.97, 2), "b": export(0.88, 3), "c": export()}
    numbers = release_numbers(report, exports)
    assert numbers["recall_at_10"] == numbers["exports.b.recall_at_10"] == 0.88
    assert numbers["exports.c.recall_at_10"] is None
    assert numbers["excluded"] == 3
    assert numbers["excluded_share"] == 3 / 499
    failed = {gate.metric for gate in judge(release_gates((), sorted(exports)), numbers) if not gate.passed}
    assert failed == {"recall_at_10", "excluded_share"}


def test_a_release_without_exports_passes_the_default_gates_and_measures_no_recall(
    report: dict[str, Any],
) -> None:
    numbers = release_numbers(report, {})
    assert numbers["recall_at_10"] is None
    assert numbers["excluded_share"] == 0
    assert all(gate.passed for gate in judge(release_gates((), ()), numbers))
