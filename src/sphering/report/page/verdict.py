"""The top of the page: what became of the release, what its gates say, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sphering.report import wording
from sphering.report.page.actions import action_of_gate, action_of_warning
from sphering.report.page.definitions import as_html, definition_of


def verdict(release: Mapping[str, Any]) -> dict[str, str]:
    """Return the status of a release as a title and a sentence, and how its gates stand in words."""
    title, sentence = wording.verdict(release["status"], has_base=release.get("base") is not None)
    gates = wording.gates_in_words(release["gates"])
    return {
        "title": title,
        "sentence": sentence,
        "status": release["status"],
        "gates": f"{len(release['gates'])} gates: {gates}" if gates else "",
    }


def gate_rows(gates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the gates: those that failed first, then those that warn."""
    ordered = sorted(gates, key=lambda gate: (gate["passed"], gate["severity"]))
    return [{**_told(gate), "definition": definition_of(gate["metric"])} for gate in ordered]


def _told(gate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "metric": gate["metric"],
        "passed": gate["passed"],
        "value": wording.gate_value(gate),
        "bound": wording.bound(gate),
        "result": wording.result(gate),
    }


def to_do(report: Mapping[str, Any], release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what to do, and what it is for: gates that failed first, then those that warn, then warnings.

    An action, which is HTML, stands once with all that calls for it.
    """
    tasks: dict[str, list[dict[str, str]]] = {}
    for finding, action in _findings(report, release):
        tasks.setdefault(action, []).append(finding)
    return [{"findings": findings, "action": as_html(action)} for action, findings in tasks.items()]


def _findings(report: Mapping[str, Any], release: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], str]]:
    for gate in gate_rows(release["gates"]):
        if not gate["passed"]:
            sentence = f"is {gate['value']}, wanted {gate['bound']}."
            yield {"kind": gate["result"], "name": gate["metric"], "sentence": sentence}, action_of_gate(gate)
    for warning in report["warnings"]:
        action = action_of_warning(warning, report["transform"])
        yield {"kind": "warning", "name": "", "sentence": warning["sentence"]}, action
