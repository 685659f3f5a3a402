"""The end of a run as series: (name, labels) to value."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sphering.metrics.families import COUNTS, GATES
from sphering.run.outcome import STATUSES

Labels = tuple[tuple[str, str], ...]
Series = dict[tuple[str, Labels], float]


def of_end(said: Mapping[str, Any]) -> Series:
    """Return what is known of the end of any run, by its purpose: when, after how long, and what came of it."""
    purpose = ("purpose", str(said["purpose"]))
    ended, exit_code = time.time(), float(said["exit_code"])
    outcomes: Series = {
        ("last_run_outcome", (("outcome", status), purpose)): float(status == said["status"]) for status in STATUSES
    }
    return {
        ("last_run_timestamp_seconds", (purpose,)): ended,
        ("last_run_seconds", (purpose,)): float(said["seconds"]),
        ("last_run_exit_code", (purpose,)): exit_code,
        **outcomes,
        **({("last_success_timestamp_seconds", (purpose,)): ended} if exit_code == 0 else {}),
    }


def of_result(result: Mapping[str, Any]) -> Series:
    """Return the numbers of a run that went to its end; those of its source only where it read that."""
    return {**(_counts(result) if result.get("rows_read") is not None else {}), **_gates(result.get("gates") or ())}


def _counts(result: Mapping[str, Any]) -> Series:
    seconds = float(result["seconds"])
    counts = {name: result.get(name) for name in COUNTS}
    counts["documents_per_second"] = _rate(result.get("documents"), seconds)
    counts["encoded_per_second"] = _rate(result.get("encoded"), result["timings"].get("embed", 0.0))
    return {(name, ()): float(value) for name, value in counts.items() if value is not None}


def _rate(amount: int | None, seconds: float) -> float | None:
    return amount / seconds if amount and seconds > 0 else None


def _gates(gates: Iterable[Mapping[str, Any]]) -> Series:
    """Return four series a gate; of two gates of one metric and severity the tighter bounds, and both have to pass."""
    series: Series = {}
    for gate in gates:
        labels = (("metric", str(gate["metric"])), ("severity", str(gate["severity"])))
        values = {"gate_value": gate["value"], "gate_passed": gate["passed"]}
        for name, tighter in (("gate_min", max), ("gate_max", min)):
            bound, before = gate[name.removeprefix("gate_")], series.get((name, labels))
            values[name] = bound if before is None or bound is None else tighter(bound, before)
        values["gate_passed"] = min(float(gate["passed"]), series.get(("gate_passed", labels), 1.0))
        series |= {(name, labels): float(values[name]) for name in GATES if values[name] is not None}
    return series
