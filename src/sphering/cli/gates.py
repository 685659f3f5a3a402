"""Gates as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sphering.cli.terminal import print_table


def bounds(gate: Mapping[str, Any]) -> str:
    """Return a gate's bounds in words."""
    words = [f"{sign} {gate[key]:g}" for key, sign in (("min", ">="), ("max", "<=")) if gate[key] is not None]
    return " and ".join(words)


def verdict(gate: Mapping[str, Any]) -> str:
    """Return what came of a gate in a word."""
    if gate["passed"]:
        return "passed"
    return "warns" if gate["severity"] == "warn" else "FAILED"


def summary(gates: Iterable[Mapping[str, Any]]) -> str:
    """Return how many gates passed, warned and failed."""
    verdicts = [verdict(gate) for gate in gates]
    counts = [
        f"{verdicts.count(word)} {label}"
        for word, label in (("passed", "passed"), ("warns", "warned"), ("FAILED", "failed"))
        if word in verdicts
    ]
    return ", ".join(counts) or "none"


def print_gates(gates: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a gate."""
    rows = [(gate["metric"], gate["value"], bounds(gate), verdict(gate)) for gate in gates]
    if rows:
        print_table(("gate", "value", "bound", "verdict"), rows)
