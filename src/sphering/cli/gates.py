"""Gates as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sphering.cli.terminal import print_table


def bounds(gate: Mapping[str, Any]) -> str:
    """Return a gate's bounds in words."""
    from sphering.report.wording import bounds_in_words

    return bounds_in_words(gate, ">=", "<=")


def verdict(gate: Mapping[str, Any]) -> str:
    """Return what came of a gate in a word or two; a failure stands out."""
    from sphering.report.wording import result

    found = result(gate)
    return found.upper() if found == "failed" else found


def summary(gates: Iterable[Mapping[str, Any]]) -> str:
    """Return how many gates failed, warned, passed and had nothing to judge: those of the release, and of the run."""
    from sphering.gate.names import RUN_METRICS
    from sphering.report.wording import gates_in_words

    every = list(gates)
    of_release = gates_in_words(gate for gate in every if gate["metric"] not in RUN_METRICS)
    of_run = gates_in_words(gate for gate in every if gate["metric"] in RUN_METRICS)
    return "; ".join(words for words in (of_release, of_run and f"of the run itself {of_run}") if words) or "none"


def print_gates(gates: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a gate."""
    rows = [(gate["metric"], gate["value"], bounds(gate), verdict(gate)) for gate in gates]
    if rows:
        print_table(("gate", "value", "bound", "verdict"), rows)
