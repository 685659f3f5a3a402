"""What the reports of two releases say, number beside number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sphering.report.flattened import THRESHOLDS, VECTORS, numbers_of
from sphering.report.measured import Json

Parts = dict[str, dict[str, Json]]
"""Numbers by what they are measured on, then by their names there."""


def deltas(a: Mapping[str, Any], b: Mapping[str, Any]) -> Parts:
    """Return for each number of two report.json both values and the change, by what it is measured on.

    `raw` and `transformed` are the vectors; names of an evaluation's and of a label column's numbers begin with their
    space. What one report alone measures anything on, such as pairs, is left out; a number that one report lacks is
    None there, and so is its change. Thresholds are deciles of each report's own cosines, and not compared.
    """
    before, after = _parts(a), _parts(b)
    return {
        part: {name: delta(before[part].get(name), after[part].get(name)) for name in {**before[part], **after[part]}}
        for part in before
        if part in after
    }


def delta(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> Json:
    """Return one number of two releases: `a`, `b`, `change` and, where either has an interval, that of the change.

    Where one of them is not defined the `reason` says why.

    The ends are those of the difference of two independent estimates, squared half-widths added on each side (Newcombe
    1998). What two releases share makes their estimates move together, so with common documents it is too wide and not
    too narrow.
    """
    before, after = _value(a), _value(b)
    change = None if before is None or after is None else after - before
    found: Json = {"a": before, "b": after, "change": change}
    if change is not None and (_bounds(a) is not None or _bounds(b) is not None):
        (a_low, a_high), (b_low, b_high) = _widths(a), _widths(b)
        found["interval"] = [change - math.hypot(b_low, a_high), change + math.hypot(b_high, a_low)]
    reason = next((each["reason"] for each in (a, b) if each and each.get("reason")), None)
    return found if reason is None else {**found, "reason": reason}


def _parts(report: Mapping[str, Any]) -> Parts:
    found: Parts = {}
    for number in numbers_of(report):
        if number.part == VECTORS and number.side:
            found.setdefault(number.side, {})[number.metric] = number.entry
        elif not number.metric.startswith(f"{THRESHOLDS}."):
            name = f"{number.side}.{number.metric}" if number.side else number.metric
            found.setdefault(number.part, {})[name] = number.entry
    return found


def _value(entry: Mapping[str, Any] | None) -> float | None:
    value = entry.get("value") if entry else None
    return value if isinstance(value, int | float) else None


def _bounds(entry: Mapping[str, Any] | None) -> list[float] | None:
    return entry.get("interval") if entry else None


def _widths(entry: Mapping[str, Any] | None) -> tuple[float, float]:
    """Return how far a number's interval reaches below and above it; an exact number's reaches nowhere."""
    value, bounds = _value(entry), _bounds(entry)
    return (0.0, 0.0) if value is None or bounds is None else (value - bounds[0], bounds[1] - value)
