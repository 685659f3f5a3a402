"""The evaluation as a folded part of the page: each kind by itself, its numbers in both spaces, and thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sphering.report import wording
from sphering.report.catalogue import EVALUATION as METRICS
from sphering.report.flattened import (
    EVALUATION,
    LABELS,
    SPACES,
    THRESHOLDS,
    Metrics,
    Number,
    by_part,
    is_evaluated,
    thresholds,
)
from sphering.report.page.definitions import definition_of
from sphering.report.page.folded import Listing, Part, Section, in_order, metric_row, reasons

_TITLES = {"queries": "Queries and judgements", "pairs": "Scored pairs", "halves": "Halves", "labels": "Labels"}
_TEMPERATURES = "info_nce"
_SHARES = ("accepted", "precision", "recall")
_BOUNDED = "precision"
_OF_RAW = "The same of the encoder's own vectors. What is exported and searched has the thresholds above."
_POSITIVE = "positive"
_LISTED = (_TEMPERATURES, THRESHOLDS)
"""Metrics with a number for each of some values, which have tables of their own."""


def evaluation_part(report: Mapping[str, Any]) -> Part | None:
    """Return the part of what the evaluation measured; None without one."""
    parts = {kind: numbers for kind, numbers in by_part(report).items() if is_evaluated(numbers[0])}
    kinds = [_section(kind, parts[kind]) for kind in dict.fromkeys((*_TITLES, *parts)) if kind in parts]
    column = ((report.get(EVALUATION) or {}).get(LABELS) or {}).get("column")
    if column is not None:
        sentence = f"Those of the column “{column}”: see “How far labels lie apart”."
        kinds.append(Section(_TITLES[LABELS], (sentence,)))
    return Part("Evaluation", tuple(kinds)) if kinds else None


def _section(kind: str, numbers: list[Number]) -> Section:
    counts = {number.metric: number.value for number in numbers if number.side is None}
    found = in_order([number for number in numbers if number.side is not None], list(METRICS))
    title, sentence = _TITLES.get(kind, kind), counted(kind, counts)
    if all(number.value is None for sides in found.values() for number in sides.values()):
        why = dict.fromkeys(str(number.entry["reason"]) for number in numbers if number.entry.get("reason"))
        return Section(title, (sentence, *([f"Nothing could be measured: {'; '.join(why)}."] if why else [])))
    plain = {metric: sides for metric, sides in found.items() if metric.partition(".")[0] not in _LISTED}
    return Section(
        title,
        (sentence,),
        tuple(metric_row(metric, sides) for metric, sides in plain.items()),
        (*_temperatures(found), *(each for space in reversed(SPACES) for each in _thresholds(found, space))),
    )


def counted(kind: str, counts: Mapping[str, float | None]) -> str:
    """Return what an evaluation was measured on, in a sentence; counts that no sentence knows stand as they are."""
    told = _COUNTS.get(kind, set())
    known = bool(told) and told <= set(counts)
    rest = [f"{name} {wording.shown(counts[name])}" for name in counts if not known or name not in {*told, _POSITIVE}]
    return " ".join([*([_SENTENCES[kind](counts)] if known else []), *([f"{', '.join(rest)}."] if rest else [])])


def _of_queries(counts: Mapping[str, float | None]) -> str:
    left, missing = counts["queries_left_out"], counts["judgements_missing"]
    words = f"Measured on {_count(counts['queries'], 'query', 'queries')}."
    if left:
        words += f" {_count(left, 'query is', 'queries are')} left out: no relevant document is in the corpus."
    if missing:
        words += f" {_count(missing, 'judgement is', 'judgements are')} on documents that the corpus lacks."
    return words


def _of_pairs(counts: Mapping[str, float | None]) -> str:
    bound = counts.get(_POSITIVE)
    told = "" if bound is None else f", those with a score of at least {bound:g}"
    positives = _count(counts["positives"], "is positive", "are positive")
    return f"Measured on {_count(counts['pairs'], 'pair', 'pairs')}, of which {positives}{told}."


def _of_halves(counts: Mapping[str, float | None]) -> str:
    if not counts["halves"]:
        return "No text is measured."
    halves = _count(counts["halves"], "text that was", "texts that were")
    words = f"Measured on {halves} cut in two: the first half is to find the second among those of all others."
    left = counts["left_out"]
    if left:
        words += f" {_count(left, 'text is', 'texts are')} left out: the encoder gave a half no usable vector."
    return words


_SENTENCES = {"queries": _of_queries, "pairs": _of_pairs, "halves": _of_halves}
_COUNTS: dict[str, set[str]] = {
    "queries": {"queries", "queries_left_out", "judgements_missing"},
    "pairs": {"pairs", "positives"},
    "halves": {"halves", "left_out"},
}


def _count(value: float | None, one: str, more: str) -> str:
    return f"{wording.shown(value, 'count')} {one if value == 1 else more}"


def _temperatures(found: Metrics) -> Iterator[Listing]:
    """Yield the table of InfoNCE by temperature."""
    by_tau = {name.partition(".")[2]: sides for name, sides in found.items() if name.startswith(f"{_TEMPERATURES}.")}
    if not by_tau:
        return
    ordered = sorted(by_tau, key=float)
    some = next(iter(next(iter(by_tau.values())).values()))
    yield Listing(
        METRICS[_TEMPERATURES].title,
        ("τ", *SPACES),
        tuple((tau, *(_cell(by_tau[tau].get(space)) for space in SPACES)) for tau in ordered),
        METRICS[_TEMPERATURES].meaning,
        _TEMPERATURES,
        definition_of(some.name),
        reasons({f"{space} at {tau}": number for tau in ordered for space, number in by_tau[tau].items()}),
    )


def _thresholds(found: Metrics, space: str) -> Iterator[Listing]:
    """Yield the table of thresholds on the cosine of one space, ascending."""
    lines = thresholds(found, space)
    if not lines:
        return
    some = next(iter(next(iter(lines.values())).values()))
    told = {f"{share} from {cosine}": each for cosine, shares in lines.items() for share, each in shares.items()}
    yield Listing(
        f"{METRICS[THRESHOLDS].title}, {space}",
        ("cosine from", *_SHARES),
        tuple((cosine, *_shares(shares)) for cosine, shares in lines.items()),
        METRICS[THRESHOLDS].meaning if space == SPACES[-1] else _OF_RAW,
        THRESHOLDS,
        definition_of(some.name),
        reasons(told),
    )


def _shares(line: Mapping[str, Number]) -> Iterator[str]:
    """Yield the cells of one threshold; the precision, by which one is chosen, has its interval."""
    for share in _SHARES:
        yield _cell(line.get(share), bounded=share == _BOUNDED)


def _cell(number: Number | None, *, bounded: bool = True) -> str:
    """Return a number as a cell, with its interval where that is wanted and there is one."""
    if number is None:
        return ""
    words = wording.shown(number.value)
    return f"{words} ({wording.interval(number.interval)})" if bounded and number.interval else words
