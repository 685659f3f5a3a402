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
    """Return what came of a gate in a word or two; a failure stands out."""
    from sphering.report.wording import result

    found = result(gate)
    return found.upper() if found == "failed" else found


def summary(gates: Iterable[Mapping[str, Any]]) -> str:
    """Return how many gates failed, warned, passed and had nothing to judge."""
    from sphering.report.wording import gates_in_words

    return gates_in_words(gates) or "none"


def print_gates(gates: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a gate."""
    rows = [(gate["metric"], gate["value"], bounds(gate), verdict(gate)) for gate in gates]
    if rows:
        print_table(("gate", "value", "bound", "verdict"), rows)
