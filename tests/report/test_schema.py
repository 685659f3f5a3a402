"""report.json is what its schema says, and the page of metrics names every key of it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sphering.config.model import ReportConfig
from sphering.report.changes import Base
from sphering.report.identity import REPORT_VERSION
from sphering.report.numbers import measure
from sphering.report.spaces import space_moments
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

jsonschema = pytest.importorskip("jsonschema")
DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))


def faults(report: Any) -> list[str]:
    """Return where a report is not as the schema says."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)]


@pytest.fixture(scope="module")
def report(bank: Snapshot, centred: Transform) -> dict[str, Any]:
    base = Base("b" * 16, bank, measure(bank, centred, ReportConfig()))
    config = ReportConfig(sample=200, extended=True)
    evaluation = {"queries": 4, "raw": {"ndcg_at_10": {"value": 0.5, "kind": "exact", "n": 4, "over": "queries"}}}
    return measure(bank, centred, config, labels=("intent",), base=base, evaluation=evaluation)


def test_a_whole_report_is_as_the_schema_says(report: dict[str, Any], bank: Snapshot, centred: Transform) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert faults(report) == []
    assert faults(measure(bank, centred, ReportConfig())) == []
    assert SCHEMA["properties"]["version"]["const"] == REPORT_VERSION


@pytest.mark.parametrize("count", [1, 2, 12])
def test_a_report_on_few_texts_is_too(
    make_snapshot: Callable[[list[str]], Snapshot], centred: Transform, count: int
) -> None:
    snapshot = make_snapshot(["the same question"] * 5 + [f"question {number}" for number in range(count - 1)])
    assert space_moments(snapshot).n >= count
    assert faults(measure(snapshot, centred, ReportConfig(extended=True))) == []


def test_what_is_missing_unknown_or_without_its_reason_is_a_fault(report: dict[str, Any]) -> None:
    for spoil in (
        lambda spoiled: spoiled.pop("angles"),
        lambda spoiled: spoiled.update(extra=1),
        lambda spoiled: spoiled["raw"]["mean_cosine"].update(value=None),
        lambda spoiled: spoiled["raw"]["angle_w1"].pop("seed"),
        lambda spoiled: spoiled["k_occurrence"]["raw"].update(counts=[0.5]),
    ):
        spoiled = copy.deepcopy(report)
        spoil(spoiled)
        assert len(faults(spoiled)) == 1


def test_every_key_is_named_in_the_page_of_metrics() -> None:
    named = set(re.findall(r"`([a-z0-9_]+)`", (DOCS / "metrics.md").read_text(encoding="utf-8")))
    keys = {*SCHEMA["properties"], *SCHEMA["$defs"]["number"]["properties"]}
    assert sorted(keys - named) == []
