"""The folded parts of the page whose numbers have an order of their own: what each is called, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sphering.report import flattened, wording
from sphering.report.catalogue import LABEL_GEOMETRY, metric_of
from sphering.report.flattened import LABELS, SPACES, Number, by_part
from sphering.report.page.definitions import definition_of

Row = dict[str, Any]
Sides = Mapping[str | None, Number]


@dataclass(frozen=True)
class Listing:
    """A table of plain values, the first of a row its head; `missing` says why some are not there."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    meaning: str = ""
    name: str = ""
    definition: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """What stands under one head: sentences, metrics in both spaces, further tables."""

    title: str
    sentences: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    listings: tuple[Listing, ...] = ()


@dataclass(frozen=True)
class Part:
    """One folded part."""

    title: str
    sections: tuple[Section, ...]


def metric_row(metric: str, sides: Sides) -> Row:
    """Return the row of a number in both spaces; a title and a meaning where the catalogue has them."""
    known = metric_of(metric)
    form = known.form if known else "number"
    found = {space: sides[space] for space in SPACES if space in sides}
    methods = {space: wording.method(number.entry, form) for space, number in found.items()}
    return {
        "name": metric,
        "title": known.title if known else "",
        "meaning": known.meaning if known else "",
        "definition": definition_of(next(iter(found.values())).name),
        "values": [wording.shown(found[space].value, form) if space in found else "" for space in SPACES],
        "methods": wording.once(methods),
    }


def in_order(numbers: Sequence[Number], order: Sequence[str]) -> flattened.Metrics:
    """Return numbers by metric, then by space: first those of an order, then the others as they come."""
    found = flattened.by_metric(numbers)
    known = [name for name in order if name in found]
    return {name: found[name] for name in (*known, *(name for name in found if name not in known))}


def reasons(named: Mapping[str, Number]) -> tuple[str, ...]:
    """Return why numbers have no value: each reason once, with the names that have it."""
    found: dict[str, list[str]] = {}
    for name, number in named.items():
        if number.value is None:
            found.setdefault(str(number.entry.get("reason", "not measured")), []).append(name)
    return tuple(f"{', '.join(names)}: {reason}" for reason, names in found.items())


def label_part(report: Mapping[str, Any]) -> Part | None:
    """Return how far the labels of each column lie apart; None without labels."""
    sections = [
        Section(
            part.removeprefix(f"{LABELS}."),
            rows=tuple(metric_row(metric, sides) for metric, sides in in_order(numbers, list(LABEL_GEOMETRY)).items()),
        )
        for part, numbers in by_part(report).items()
        if part.startswith(f"{LABELS}.")
    ]
    return Part("How far labels lie apart", tuple(sections)) if sections else None


def rogue_part(report: Mapping[str, Any]) -> Part | None:
    """Return the coordinates that give most to the mean cosine, in both spaces side by side; None without one."""
    found = report.get("rogue_dimensions") or {}
    columns = [found.get(space) or [] for space in SPACES]
    places = max(map(len, columns))
    if not places:
        return None
    listing = Listing(
        "",
        ("place", *(f"{space}: {what}" for space in SPACES for what in ("dimension", "gives"))),
        tuple((str(place + 1), *_contributions(columns, place)) for place in range(places)),
        missing=tuple(f"{space}: not defined" for space, column in zip(SPACES, columns, strict=True) if not column),
    )
    sentence = (
        "The ten coordinates that give most to the mean cosine, counted from 0. What all coordinates give adds up to "
        "it: where a few give most of it, they decide which texts look alike."
    )
    return Part("Rogue dimensions", (Section("", (sentence,), listings=(listing,)),))


def _contributions(columns: Sequence[Sequence[Mapping[str, Any]]], place: int) -> Iterator[str]:
    for column in columns:
        entry = column[place] if place < len(column) else None
        yield from (str(entry["dimension"]), wording.shown(entry["contribution"])) if entry else ("", "")
