"""`sphering export --tune`: recall, speed and size of what a release could be exported as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphering.cli.listening import listening
from sphering.cli.place import config_of, place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line, print_table
from sphering.cli.writable import check_writable

_RECALLS = ("recall@1", "recall@10", "95 %", "recall@100", "rescored")
_INDEXES = ("index", "settings", *_RECALLS, "queries/s", "bytes", "best")
_CODES = ("vectors", *_RECALLS, "bytes")


@dataclass(frozen=True)
class Wanted:
    """What the command was asked to try, and where the plot goes."""

    indexes: Sequence[str]
    plot: Path


def tune_and_print(shared: Shared, snapshot: str | None, overrides: Sequence[str], wanted: Wanted) -> None:
    """Measure, print the table, write the plot."""
    check_writable(wanted.plot, "--plot")
    place = place_of(shared)
    selector = place.selector(snapshot, "latest")
    release = place.corpus.find_release(selector)
    note(f"{selector} is release {release.id}, snapshot {release.snapshot}", quiet=shared.quiet)
    config = config_of(shared, overrides)
    with listening(quiet=shared.quiet):
        from sphering.run.tune import tune

        found = tune(place.corpus, release, indexes=wanted.indexes, exports=config.export, memory=config.run.memory)
    from sphering.report.page.pareto import render_pareto

    wanted.plot.write_text(render_pareto(found), encoding="utf-8")
    if shared.json:
        print_json({**found, "plot": str(wanted.plot)})
        return
    print_points(found)
    print_line(f"plot: {wanted.plot}")


def print_points(found: Mapping[str, Any]) -> None:
    """Print what was measured: indexes with their speed, then vectors in fewer bits and dimensions."""
    points = found["points"]
    queries = f"{found['queries']:,} queries" if found["queries"] > 1 else "1 query"
    print_line(f"{found['n']:,} vectors of {found['d']} dimensions, {queries}: {found['method']}")
    timed = [point for point in points if point.get("queries_per_second")]
    others = [point for point in points if not point["refused"] and not point.get("queries_per_second")]
    if timed:
        print_line()
        print_table(_INDEXES, map(_index_row, timed))
        print_line("best: no other setting beats it in both recall@10 and queries/s; bytes: of a vector")
    if others:
        print_line()
        print_table(_CODES, [(point["candidate"], *_recalls(point), point["bytes_per_vector"]) for point in others])
        print_line("rescored: the 100 nearest, ordered again by full vectors")
    for point in points:
        if point["refused"]:
            print_line(f"not tried: {point['candidate']}: {point['refused']}")


def _index_row(point: Mapping[str, Any]) -> tuple[Any, ...]:
    settings = ", ".join(f"{name} {value}" for name, value in point["settings"].items())
    speed = round(point["queries_per_second"])
    return (
        point["candidate"],
        settings,
        *_recalls(point),
        speed,
        point["bytes_per_vector"],
        "*" if point["optimal"] else "",
    )


def _recalls(point: Mapping[str, Any]) -> tuple[Any, ...]:
    at_1, at_10, at_100, rescored = (
        point[name] for name in ("recall_at_1", "recall_at_10", "recall_at_100", "rescored_recall_at_10")
    )
    bounds = at_10.get("interval")
    return (
        _share(at_1),
        _share(at_10),
        f"{bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else "",
        _share(at_100),
        _share(rescored),
    )


def _share(entry: Mapping[str, Any]) -> float | None:
    value = entry["value"]
    return None if value is None else round(value, 4)
