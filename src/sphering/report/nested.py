"""Numbers that a report keeps in nested objects, such as those of an evaluation, as tables of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sphering.report import wording
from sphering.report.catalogue import metric_of
from sphering.report.definitions import definition_of

SPACES = ("raw", "transformed")
Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One table: what it is called, its heads, and its rows (`name`, `title`, `meaning`, `values`, `methods`)."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Listing:
    """A list of equal objects as a table of plain values."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(tree: Mapping[str, Any], title: str = "") -> Iterator[Table]:
    """Yield the tables of nested numbers: of what is measured in both spaces side by side, of the rest by itself."""
    sides = {space: dict(_leaves(tree[space])) for space in SPACES if isinstance(tree.get(space), Mapping)}
    if sides:
        names = list(dict.fromkeys(name for side in sides.values() for name in side))
        rows = [_row(name, {space: side.get(name) for space, side in sides.items()}) for name in names]
        yield Table(title, tuple(sides), tuple(rows))
    rest = {name: entry for name, entry in tree.items() if name not in sides}
    single = [_row(name, {"value": entry}) for name, entry in rest.items() if not isinstance(entry, Mapping | list)]
    single += [_row(name, {"value": entry}) for name, entry in rest.items() if _is_number(entry)]
    if single:
        yield Table(title, ("value",), tuple(single))
    for name, entry in rest.items():
        if isinstance(entry, Mapping) and not _is_number(entry):
            yield from tables_of(entry, f"{title}.{name}" if title else name)


def listings_of(tree: Mapping[str, Any], title: str = "") -> Iterator[Listing]:
    """Yield every list of objects in nested numbers, each a table of its own."""
    for name, entry in tree.items():
        path = f"{title}.{name}" if title else name
        if isinstance(entry, Mapping) and not _is_number(entry):
            yield from listings_of(entry, path)
        elif isinstance(entry, list) and entry and all(isinstance(each, Mapping) for each in entry):
            yield _listing(path, entry)


def _is_number(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "value" in entry


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, entry in tree.items():
        if isinstance(entry, Mapping) and not _is_number(entry):
            yield from _leaves(entry, f"{prefix}{name}.")
        elif not isinstance(entry, list):
            yield f"{prefix}{name}", entry


def _row(name: str, entries: Mapping[str, Any]) -> Row:
    known = metric_of(name)
    form = known.form if known else "number"
    methods = {head: wording.method(entry, form) for head, entry in entries.items() if _is_number(entry)}
    return {
        "name": name,
        "title": known.title if known else "",
        "meaning": known.meaning if known else "",
        "definition": definition_of(name),
        "values": [_told(entry, form) for entry in entries.values()],
        "methods": wording.once(methods),
    }


def _told(entry: Any, form: str = "number") -> str:
    value = entry["value"] if _is_number(entry) else entry
    if isinstance(value, int) and not isinstance(value, bool):
        return wording.shown(value, "count")
    if value is None or isinstance(value, float):
        return wording.shown(value, form)
    if isinstance(value, list):
        return " to ".join(_told(each, form) for each in value)
    return str(value)


def _listing(title: str, lines: Sequence[Mapping[str, Any]]) -> Listing:
    """Return a table of objects; of their lists the intervals alone are short enough for a cell."""
    heads = tuple(
        dict.fromkeys(
            name for line in lines for name, entry in line.items() if name == "interval" or not isinstance(entry, list)
        )
    )
    return Listing(title, heads, tuple(tuple(_told(line.get(head)) for head in heads) for line in lines))
