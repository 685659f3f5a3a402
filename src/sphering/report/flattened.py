"""Every number of a report in one flat sequence: what it is measured on, in which space, and what a gate calls it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sphering.report.measured import Json

SPACES = ("raw", "transformed")
VECTORS, TEXTS, TRANSFORM = "vectors", "texts", "transform"
EVALUATION, LABELS = "evaluation", "labels"
THRESHOLDS = "thresholds"
_QUERIES = "queries"


@dataclass(frozen=True)
class Number:
    """One number of a report.

    Parameters
    ----------
    part : str
        What it is measured on: ``vectors``, ``texts``, ``transform``, a kind of evaluation such as ``pairs``, or
        ``labels.COLUMN``.
    side : str or None
        ``raw`` or ``transformed``; None for what belongs to no space.
    metric : str
        Dotted where the report has a number for each of some values: ``info_nce.0.05``.
    name : str
        What a gate calls it, of all numbers of a report this one alone: ``evaluation.pairs.raw.spearman``.
    entry : mapping
        What the report says of it; a bare number has its `value` alone.
    """

    part: str
    side: str | None
    metric: str
    name: str
    entry: Json

    @property
    def value(self) -> float | None:
        """The number, None where it is not defined."""
        value: float | None = self.entry["value"]
        return value

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval, where it has one."""
        found = self.entry.get("interval")
        return (found[0], found[1]) if found else None


Metrics = dict[str, dict[str | None, Number]]
"""The numbers of a part: by the metric, then by the space."""


def numbers_of(report: Mapping[str, Any]) -> Iterator[Number]:
    """Yield every number of report.json: of vectors, texts and the transform, then of evaluations and labels.

    Numbers of queries stand beside the evaluation's id, those of other kinds under the kind's name. The lines of single
    labels, histograms and lists are no numbers with a name of their own.
    """
    yield from _part(VECTORS, "", {space: report[space] for space in SPACES})
    yield from _part(TEXTS, "", report[TEXTS])
    yield from _part(TRANSFORM, "", {"drift": report.get(TRANSFORM, {}).get("drift")})
    evaluation = report.get(EVALUATION) or {}
    kinds = {name: tree for name, tree in evaluation.items() if _is_tree(tree) and name not in SPACES}
    yield from _part(_QUERIES, f"{EVALUATION}.", {name: each for name, each in evaluation.items() if name not in kinds})
    for kind, tree in kinds.items():
        yield from _part(kind, f"{EVALUATION}.{kind}.", tree)
    for column, tree in report.get("label_geometry", {}).items():
        yield from _part(f"{LABELS}.{column}", f"{LABELS}.{column}.", tree)


def is_evaluated(number: Number) -> bool:
    """Return whether a number is one of the report's evaluation."""
    return number.name.startswith(f"{EVALUATION}.")


def by_part(report: Mapping[str, Any]) -> dict[str, list[Number]]:
    """Return the numbers of a report by what they are measured on."""
    found: dict[str, list[Number]] = {}
    for number in numbers_of(report):
        found.setdefault(number.part, []).append(number)
    return found


def by_metric(numbers: Iterable[Number]) -> Metrics:
    """Return the numbers of a part by metric, then by space, as they come."""
    found: Metrics = {}
    for number in numbers:
        found.setdefault(number.metric, {})[number.side] = number
    return found


def thresholds(metrics: Metrics, space: str) -> dict[str, dict[str, Number]]:
    """Return what each threshold on the cosines of a space gives, by the cosine as it is written, ascending."""
    found: dict[str, dict[str, Number]] = {}
    for name, sides in metrics.items():
        if name.startswith(f"{THRESHOLDS}.") and space in sides:
            cosine, _, share = name.removeprefix(f"{THRESHOLDS}.").rpartition(".")
            found.setdefault(cosine, {})[share] = sides[space]
    return {cosine: found[cosine] for cosine in sorted(found, key=float)}


def _part(part: str, prefix: str, tree: Mapping[str, Any]) -> Iterator[Number]:
    """Yield the numbers of one part: of both spaces, and of none."""
    sides = {space: tree[space] for space in SPACES if _is_tree(tree.get(space))}
    for side, metrics in sides.items():
        for metric, entry in _leaves(metrics):
            yield Number(part, side, metric, f"{prefix}{side}.{metric}", entry)
    for metric, entry in _leaves({name: each for name, each in tree.items() if name not in sides}):
        yield Number(part, None, metric, f"{prefix}{metric}", entry)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the numbers of nested objects under dotted names; an object with a `value` is one number, or none."""
    for name, entry in tree.items():
        if _is_tree(entry):
            yield from _leaves(entry, f"{prefix}{name}.")
        elif isinstance(entry, Mapping):
            yield f"{prefix}{name}", dict(entry)
        elif isinstance(entry, int | float) and not isinstance(entry, bool):
            yield f"{prefix}{name}", {"value": entry}


def _is_tree(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "value" not in entry
