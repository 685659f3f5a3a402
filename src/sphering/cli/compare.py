"""`sphering compare`: how the geometry of two releases differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.listening import listening
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import interval, note, print_json, print_line, print_missing, print_table

_A = typer.Argument(metavar="A", help="A snapshot or release: id, prefix or ref.")
_B = typer.Argument(metavar="B", help="Another, of the same corpus; by default latest.")
_SAMPLE = typer.Option("--sample", metavar="N", min=100, help="Common texts whose vectors are compared.")
_SPACES = ("raw", "transformed")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "compare", example="sphering compare published\nsphering compare 8ced5bb1 a91f22c0 --json")
    def compare(
        shared: Shared,
        a: Annotated[str, _A],
        b: Annotated[str, _B] = "latest",
        sample: Annotated[int, _SAMPLE] = 5000,
    ) -> None:
        """Compare the geometry of two releases.

        Under one encoder: how far the documents drifted. Under two: what a migration changes, by the texts that both
        have. Reads the ids of both, the vectors of the sample and, under one encoder, all vectors whose moments are not
        kept: about 10 s, and 1 s more for every 100,000 of these; with two encoders 25 s.
        """
        place = place_of(shared)
        before, after = (place.corpus.find(place.selector(selector, "latest")) for selector in (a, b))
        for side, selector, found in (("A", a, before), ("B", b, after)):
            release = found.release.id if found.release else "(none)"
            note(f"{side} = {selector}: snapshot {found.manifest.id}, release {release}", quiet=shared.quiet)
        with listening(quiet=shared.quiet):
            from sphering.run.compare import compare_found

            compared = compare_found(place.corpus, before, after, sample=sample)
        if shared.json:
            print_json(compared)
        else:
            _print(compared)


def _print(compared: Mapping[str, Any]) -> None:
    for sentence in compared["sentences"]:
        print_line(sentence)
    for name in _SPACES:
        space = compared[name]
        if space is None:
            continue
        print_line()
        columns = (f"{name}, A to B", "value", "95 %", "chance", "kind", "n")
        print_table(columns, [_metric(metric, entry) for metric, entry in space["metrics"].items()])
        print_missing(_reasons(space["metrics"]))
        if space["thresholds"]:
            print_line()
            print_table((f"{name}: cosine in A", "share of pairs", "cosine in B", "95 %"), _thresholds(space))
            print_missing(_reasons({f"cosine for {each['a']:g}": each["b"] for each in space["thresholds"]}))
    for part, entries in (compared["metrics"] or {}).items():
        print_line()
        _print_deltas(part, entries)


def _metric(name: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return name, entry["value"], interval(entry.get("interval")), entry.get("chance"), entry["kind"], entry.get("n", 0)


def _thresholds(space: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    for each in space["thresholds"]:
        yield each["a"], each["share"]["value"], each["b"]["value"], interval(each["b"].get("interval"))


def _reasons(entries: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    """Return why numbers are not defined, (reason, name)."""
    return ((entry["reason"], name) for name, entry in entries.items() if "reason" in entry)


def _print_deltas(part: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the numbers of the two reports that differ, how many do not, and why some are not there."""
    rows = [
        (name, entry["a"], entry["b"], entry["change"], interval(entry.get("interval")))
        for name, entry in entries.items()
        if entry["a"] != entry["b"]
    ]
    if rows:
        print_table((f"report, {part}", "A", "B", "change", "95 %"), rows)
    equal = sum(entry["a"] == entry["b"] and entry["a"] is not None for entry in entries.values())
    if equal:
        print_line(f"report, {part}: {f'{equal} numbers are' if equal > 1 else '1 number is'} equal")
    print_missing(_reasons(entries))
