"""Numbers and their provenance in words, for the page."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sphering.report.catalogue import CHANGES, LABELS, TEXTS, Metric

NONE = "–"
MINUS = "−"
_LABEL = 60
_RESULTS = {"failed": "failed", "warns": "warned", "passed": "passed", "not measured": "not measured"}
_VERDICTS = {
    "published": ("Published", "No gate holds this release; consumers of this channel get it."),
    "held": (
        "Held",
        "A gate failed: this release is kept, and {others}. Do what stands below, or correct the bound in its [[gate]] "
        "table, and run again.",
    ),
    "withdrawn": (
        "Withdrawn",
        "A rollback left this release: no run publishes it, or one that serves the same, in that channel again.",
    ),
    "latest": ("Not published", "No gate holds it, but the consumers of its channel do not get it."),
}
_OTHERS = ("consumers still get the one before it", "consumers get none yet, since none was published before it")


def verdict(status: str, *, has_base: bool) -> tuple[str, str]:
    """Return the status of a release as a title and a sentence; one with a base has a release before it."""
    title, sentence = _VERDICTS[status]
    return title, sentence.format(others=_OTHERS[0 if has_base else 1])


def shown(value: float | None, form: str = "number") -> str:
    """Return a number as people read it; a dash where there is none."""
    if value is None:
        return NONE
    if form == "count":
        return f"{value:,.0f}".replace("-", MINUS)
    if form == "share":
        return _share(value).replace("-", MINUS)
    return _number(value).replace("-", MINUS)


def _number(value: float) -> str:
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.9995:
        return f"{value:.2f}"
    if size >= 0.00995:
        return f"{value:.3f}"
    if size >= 1e-5:
        return f"{value:.{1 - math.floor(math.log10(size))}f}"
    return f"{value:.1e}"


def _share(value: float) -> str:
    percent = 100 * value
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    if abs(percent) >= 99.995 or abs(percent) < 0.01:
        return f"{percent:.3g} %" if abs(percent) < 0.01 else f"{percent:.4f} %"
    return f"{percent:.1f} %" if 1 <= abs(percent) <= 99 else f"{percent:.2f} %"


def clipped(label: str) -> str:
    """Return a label as people can read it: its first 60 characters in one line, and quotes where there are none."""
    line = " ".join(label.split())
    return '""' if not line else line if len(line) <= _LABEL else line[: _LABEL - 1] + "…"


def line_name(line: Mapping[str, Any]) -> str:
    """Return what a line of a table of labels is called."""
    if line["of"] == "label":
        return clipped(line["label"])
    return f"{line['labels']:,} other labels" if line["of"] == "others" else "no label"


def label_table(column: str, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the table of one column of labels: its heads, a row a line, and why numbers are missing."""
    rows = [[shown(line[name]["value"], TEXTS[name].form) for name in LABELS] for line in lines]
    reasons = {line[name]["reason"]: TEXTS[name].title for line in lines for name in LABELS if "reason" in line[name]}
    return {
        "column": column,
        "heads": [TEXTS[name].title for name in LABELS],
        "rows": [{"name": line_name(line), "values": values} for line, values in zip(lines, rows, strict=True)],
        "missing": [f"{title}: {reason}" for reason, title in reasons.items()],
    }


def change(value: float | None, form: str = "number") -> str:
    """Return a difference with its sign; empty where there is none."""
    if value is None:
        return NONE
    return ("+" if value > 0 else "") + shown(value, form) if value else "±0"


def changes(counts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how many documents changed in what way, without the ways in which none did."""
    words = [f"{shown(counts[name]['value'], 'count')} {name}" for name in CHANGES if name != "unchanged"]
    return ", ".join(each for each in words if not each.startswith("0 ")) or "no document changed"


def interval(bounds: Sequence[float], form: str = "number") -> str:
    """Return a 95 % interval as people read it."""
    return f"{shown(bounds[0], form)} to {shown(bounds[1], form)}"


def method(entry: Mapping[str, Any], form: str = "number") -> str:
    """Return how a number was measured: exact or sampled, over what and how many, its interval or why it is missing."""
    if entry.get("value") is None:
        return str(entry.get("reason", "not measured"))
    words = f"{entry['kind']}, {entry['n']:,} {entry['over']}"
    if entry.get("seed") is not None:
        words += f", seed {entry['seed']}"
    return "; ".join(filter(None, (words, certainty(entry, form))))


def certainty(entry: Mapping[str, Any], form: str = "number") -> str:
    """Return a number's 95 % interval, or why there is no number; empty where there is nothing to say."""
    if entry.get("value") is None:
        return str(entry.get("reason", ""))
    bounds = entry.get("interval")
    return f"95 % between {shown(bounds[0], form)} and {shown(bounds[1], form)}" if bounds else ""


def bound(gate: Mapping[str, Any]) -> str:
    """Return a gate's bound."""
    return bounds_in_words(gate, "at least", "at most").replace("-", MINUS)


def bounds_in_words(gate: Mapping[str, Any], least: str, most: str) -> str:
    """Return a gate's bounds behind a word or a sign for each."""
    words = [
        f"{word} {_figure(gate[key], 12)}" for key, word in (("min", least), ("max", most)) if gate[key] is not None
    ]
    return " and ".join(words)


def judged(gate: Mapping[str, Any]) -> str:
    """Return the number that a gate judged: to six digits, or to as many as tell it from a bound."""
    value = gate["value"]
    if value is None:
        return "not measured"
    others = [gate[key] for key in ("min", "max") if gate[key] not in (None, value)]
    figures = (_figure(value, digits) for digits in (6, 9, 12, 17))
    return next((each for each in figures if all(each != _figure(other, 12) for other in others)), f"{value!r}")


def _figure(value: float, digits: int) -> str:
    whole = float(value).is_integer() and abs(value) < 1e15
    return f"{value:,.0f}" if whole else f"{value:.{digits}g}"


def result(gate: Mapping[str, Any]) -> str:
    """Return what came of a gate, as one word."""
    if gate["passed"]:
        return "passed" if gate["value"] is not None else "not measured"
    return "failed" if gate["severity"] == "fail" else "warns"


def breakable(name: str) -> Any:
    """Return a dotted name as HTML that may go on in a new line behind a dot or an underscore."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(name))))  # noqa: S704 - escaped


def gates_in_words(gates: Iterable[Mapping[str, Any]]) -> str:
    """Return how many gates have each result; empty where there are none."""
    found = Counter(map(result, gates))
    return ", ".join(f"{found[key]} {word}" for key, word in _RESULTS.items() if found[key])


def gate_value(gate: Mapping[str, Any]) -> str:
    """Return the number that a gate judged, as the page shows it."""
    return NONE if gate["value"] is None else judged(gate).replace("-", MINUS)


def row(name: str, metric: Metric, entries: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return one metric's row of a table: its name, meaning, values and how they were measured.

    Parameters
    ----------
    entries : mapping
        The metric of each column, by the column's name; None where it has none.
    """
    methods = {column: method(entry, metric.form) for column, entry in entries.items() if entry}
    return {
        "name": name,
        "title": metric.title,
        "meaning": metric.meaning,
        "values": [shown(entry.get("value"), metric.form) if entry else "" for entry in entries.values()],
        "methods": once(methods),
    }


def once(methods: Mapping[str, str]) -> list[str]:
    """Return how the numbers of a row were measured: once where that is the same, else by the name of the column."""
    if len(set(methods.values())) == 1:
        return list(methods.values())[:1]
    return [f"{column}: {words}" for column, words in methods.items()]
