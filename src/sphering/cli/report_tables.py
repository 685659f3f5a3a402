"""The numbers of a report as tables of a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sphering.cli.terminal import interval, print_line, print_missing, print_table

if TYPE_CHECKING:
    from sphering.report.flattened import Metrics, Number

_SHARES = ("accepted", "precision", "recall")


def print_numbers(report: Mapping[str, Any]) -> None:
    """Print every number of a report, how its transform was chosen, and its warnings.

    A number that is not defined is a dash, and beneath its table stands why.
    """
    from sphering.report.flattened import LABELS, TEXTS, VECTORS, by_metric, by_part, is_evaluated

    parts = by_part(report)
    _print_vectors(by_metric(parts[VECTORS]))
    _print_texts(by_metric(parts[TEXTS]))
    _print_transform(report["transform"])
    for part, numbers in parts.items():
        if is_evaluated(numbers[0]):
            _print_evaluated(part, by_metric(numbers))
    for part, numbers in parts.items():
        if part.startswith(f"{LABELS}."):
            _print_spaces(part, by_metric(numbers))
    for column, lines in report.get("labels", {}).items():
        _print_lines(column, lines)
    for warning in report.get("warnings", ()):
        print_line(f"warning: {warning['sentence']}")


def _print_vectors(rows: Metrics) -> None:
    """Print what is measured on all vectors; names are long, so that intervals have a table of their own."""
    print_table(
        ("metric", "raw", "transformed", "kind", "n"),
        [
            (metric, *(_value(sides, space) for space in ("raw", "transformed")), *_origin(_told(sides)))
            for metric, sides in rows.items()
        ],
    )
    _print_reasons(rows)
    bounded = {metric: sides for metric, sides in rows.items() if any(each.interval for each in sides.values())}
    if bounded:
        print_line()
        print_table(
            ("95 %", "raw", "transformed"),
            [
                (metric, *(_interval(sides, space) for space in ("raw", "transformed")))
                for metric, sides in bounded.items()
            ],
        )


def _print_texts(rows: Metrics) -> None:
    print_line()
    print_table(
        ("texts", "value", "kind", "n"),
        [(metric, sides[None].value, *_origin(sides[None])) for metric, sides in rows.items()],
    )
    _print_reasons(rows)


def _print_transform(transform: Mapping[str, Any]) -> None:
    """Print which map it is, why that one, how far the corpus drifted since the fit, and what was tried."""
    from sphering.report.transform_words import transform_words

    print_line()
    print_line(f"transform: {transform_words(transform)}")
    drift = transform["drift"]
    told = drift.get("reason") if drift["value"] is None else f"{drift['value']:.6g}"
    print_line(f"drift since it was fitted: {told}")
    choice = transform.get("choice") or {}
    trials = choice.get("trials", ())
    if not trials:
        return
    print_line()
    print_table(
        ("candidate", choice["metric"], "gain", "95 %", "over", "taken"),
        [
            (each["candidate"], each["value"], each["gain"], interval(each["interval"]), each["against"], each["taken"])
            for each in trials
        ],
    )
    print_missing((each["reason"], each["candidate"]) for each in trials if each["reason"])


def _print_evaluated(part: str, rows: Metrics) -> None:
    """Print the numbers of one kind of evaluation: counts, both spaces side by side, and thresholds."""
    from sphering.report.flattened import THRESHOLDS, thresholds

    counts = [(metric, sides[None].value) for metric, sides in rows.items() if None in sides]
    print_line()
    print_line(f"evaluation by {part}: " + ", ".join(f"{metric} {value:,.12g}" for metric, value in counts))
    prefix = f"{THRESHOLDS}."
    _print_spaces(part, {name: each for name, each in rows.items() if None not in each and not name.startswith(prefix)})
    _print_thresholds(part, thresholds(rows, "transformed"))


def _print_spaces(part: str, rows: Metrics) -> None:
    print_line()
    print_table(
        (part, "raw", "95 %", "transformed", "95 %", "kind", "n"),
        [_space_row(metric, sides) for metric, sides in rows.items()],
    )
    _print_reasons(rows)


def _space_row(metric: str, sides: Mapping[str | None, Number]) -> Sequence[Any]:
    cells = [cell for space in ("raw", "transformed") for cell in (_value(sides, space), _interval(sides, space))]
    return (metric, *cells, *_origin(_told(sides)))


def _print_thresholds(part: str, found: Mapping[str, Mapping[str, Number]]) -> None:
    """Print what a threshold on the cosine of exported vectors gives; the interval is that of the precision."""
    if not found:
        return
    print_line()
    print_table(
        (f"{part}: cosine from", "accepted", "precision", "95 %", "recall"),
        [_threshold_row(float(cosine), shares) for cosine, shares in found.items()],
    )
    print_missing(
        (each.entry["reason"], f"{share} from {cosine}")
        for cosine, shares in found.items()
        for share, each in shares.items()
        if each.entry.get("reason")
    )


def _threshold_row(cosine: float, shares: Mapping[str, Number]) -> Sequence[Any]:
    accepted, precision, recall = (shares.get(name) for name in _SHARES)
    values = [None if each is None or each.value is None else round(each.value, 4) for each in (accepted, precision)]
    last = None if recall is None or recall.value is None else round(recall.value, 4)
    return cosine, *values, interval(precision.interval if precision else None), last


def _print_lines(column: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Print a line for each label of a column."""
    from sphering.report.catalogue import LABELS
    from sphering.report.wording import line_name

    print_line()
    rows = [(line_name(line), *(line[name]["value"] for name in LABELS)) for line in lines]
    print_table((column, *LABELS), rows)
    found = [(line[name]["reason"], name) for line in lines for name in LABELS if line[name].get("reason")]
    print_missing(dict.fromkeys(found))


def _print_reasons(rows: Metrics) -> None:
    """Print why numbers of a table are not defined; the space is named where the other one has the number."""
    found: dict[tuple[str, str], list[str]] = {}
    for metric, sides in rows.items():
        for space, side in sides.items():
            if side.entry.get("reason"):
                found.setdefault((side.entry["reason"], metric), []).append(space or "")
    print_missing(
        (reason, metric if len(spaces) == len(rows[metric]) else f"{metric} ({', '.join(spaces)})")
        for (reason, metric), spaces in found.items()
    )


def _told(sides: Mapping[str | None, Number]) -> Number:
    """Return the number whose kind and n a row tells: the transformed one, but for what only the raw one is."""
    found = [sides[space] for space in ("transformed", "raw") if space in sides]
    return next((each for each in found if each.value is not None), found[0])


def _value(sides: Mapping[str | None, Number], space: str) -> Any:
    """Return a number as a cell: empty where the space does not have it, None where it is not defined."""
    return sides[space].value if space in sides else ""


def _interval(sides: Mapping[str | None, Number], space: str) -> str:
    return interval(sides[space].interval) if space in sides else ""


def _origin(number: Number) -> tuple[Any, Any]:
    return number.entry.get("kind"), number.entry.get("n")
