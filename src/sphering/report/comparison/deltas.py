"""What the reports of two releases say, number beside number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sphering.report.measured import Json

PARTS = ("raw", "transformed", "texts")


def deltas(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, dict[str, Json]]:
    """Return for each number of two report.json, raw, transformed and of the texts, both values and the change.

    A number that one report lacks is None there, and so is its change.
    """
    return {
        part: {name: delta(a[part].get(name), b[part].get(name)) for name in (*a[part], *_new(a[part], b[part]))}
        for part in PARTS
    }


def delta(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> Json:
    """Return one number of two releases: `a`, `b`, `change` and, where either has an interval, that of the change.

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
    return found


def _new(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return [name for name in b if name not in a]


def _value(entry: Mapping[str, Any] | None) -> float | None:
    value = entry.get("value") if entry else None
    return value if isinstance(value, int | float) else None


def _bounds(entry: Mapping[str, Any] | None) -> list[float] | None:
    return entry.get("interval") if entry else None


def _widths(entry: Mapping[str, Any] | None) -> tuple[float, float]:
    """Return how far a number's interval reaches below and above it; an exact number's reaches nowhere."""
    value, bounds = _value(entry), _bounds(entry)
    return (0.0, 0.0) if value is None or bounds is None else (value - bounds[0], bounds[1] - value)
