"""A run's result as series: (name, labels) to value."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sphering.metrics.families import COUNTS, GATES, OUTCOMES
from sphering.notice.wording import outcome

Labels = tuple[tuple[str, str], ...]
Series = dict[tuple[str, Labels], float]
_INTERRUPTED = 130


def of_run(what: str, exit_code: int, seconds: float) -> Series:
    """Return what is known of any run: when it ended, how long it took, and what came of it."""
    return {
        ("last_run_timestamp_seconds", ()): time.time(),
        ("last_run_seconds", ()): seconds,
        ("last_run_exit_code", ()): float(exit_code),
        **{("last_run_outcome", (("outcome", name),)): float(name == what) for name in OUTCOMES},
    }


def of_failure(error: BaseException, seconds: float) -> Series:
    """Return the series of a run that failed, or that was interrupted."""
    if not isinstance(error, Exception):
        return of_run("interrupted", _INTERRUPTED, seconds)
    return of_run("failed", int(getattr(error, "exit_code", 1)), seconds)


def of_result(result: Mapping[str, Any]) -> Series:
    """Return the series of a run that has ended; what it did not find out is not among them."""
    seconds = float(result["seconds"])
    counts = {name: result.get(name) for name in COUNTS}
    counts["documents_per_second"] = _rate(result.get("documents"), seconds)
    counts["encoded_per_second"] = _rate(result.get("encoded"), result["timings"].get("embed", 0.0))
    return {
        **of_run(outcome(result), int(result.get("exit_code", 0)), seconds),
        **{(name, ()): float(value) for name, value in counts.items() if value is not None},
        **_gates(result.get("gates", ())),
    }


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
