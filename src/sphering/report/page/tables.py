"""The tables of the page: rows of names, values and how they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sphering.report import wording
from sphering.report.catalogue import CHANGES, HEADLINES, SPACE, TEXTS
from sphering.report.page.definitions import definition_of
from sphering.report.transform_words import evaluation_of, fit_words, transform_words

SPACES = ("raw", "transformed")


def headline(name: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card of one headline number."""
    spaces = {space: report[space].get(name, {}) for space in SPACES}
    row = wording.row(name, SPACE[name], spaces)
    return {**row, "certainty": _certainty(spaces, SPACE[name].form), "definition": definition_of(name)}


def _certainty(spaces: Mapping[str, Mapping[str, Any]], form: str) -> list[str]:
    """Return how sure the numbers of a card are: the 95 % interval of each that has one, or why it is missing."""
    told = {space: wording.certainty(entry, form) for space, entry in spaces.items()}
    if told["raw"] == told["transformed"]:
        return [words for words in [told["raw"]] if words]
    return [f"{space}: {words}" for space, words in told.items() if words]


def space_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each metric of the catalogue that the report has in a space, in the catalogue's order."""
    found = ((name, metric, {space: report[space].get(name) for space in SPACES}) for name, metric in SPACE.items())
    return _rows((name, metric, entries) for name, metric, entries in found if any(entries.values()))


def text_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each metric of texts that the report has."""
    texts = report["texts"]
    return _rows((name, metric, {"value": texts[name]}) for name, metric in TEXTS.items() if name in texts)


def changed_rows(base: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return how many documents changed since the base, in what way."""
    if base is None:
        return []
    return _rows((name, metric, {"documents": base["changes"][name]}) for name, metric in CHANGES.items())


def _rows(found: Iterable[tuple[str, Any, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {**wording.row(name, metric, entries), "definition": definition_of(name)} for name, metric, entries in found
    ]


def step_rows(base: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the rows of what changed since the base: sizes and headline numbers, before and now.

    `moved` are those that a reader should see at once: sizes, and transformed numbers, where they changed.
    """
    if base is None:
        return []
    steps = [(TEXTS[name].title, base[name], "count") for name in ("documents", "texts")]
    steps += [
        (f"{SPACE[name].title}, {space}", base[space][name], SPACE[name].form)
        for name in HEADLINES
        for space in SPACES
        if name in base[space]
    ]
    return [
        {
            "title": title,
            "before": wording.shown(step["before"], form),
            "after": wording.shown(step["after"], form),
            "change": wording.change(step["change"], form),
            "moved": bool(step["change"]) and not title.endswith(", raw"),
        }
        for title, step, form in steps
    ]


def provenance(report: Mapping[str, Any], release: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the page's numbers were made from."""
    snapshot, transform = report["snapshot"], report["transform"]
    rows = [
        ("release", release.get("id")),
        ("run", release.get("run")),
        ("created", release.get("created_at")),
        ("corpus", snapshot["corpus"]),
        ("snapshot", snapshot["id"]),
        ("content digest", snapshot["content_digest"]),
        ("encoder", snapshot["encoder"]),
        ("dimension", snapshot["dimension"]),
        ("transform", release.get("transform")),
        ("transform in words", transform_words(transform)),
        ("transform SHA-256", transform["sha256"]),
        ("transform fitted", fit_words(transform, snapshot["id"], evaluation=evaluation_of(report))),
        ("drift since the fit", wording.shown(transform["drift"]["value"])),
        ("evaluation", evaluation_of(report)),
        ("report", release.get("report")),
        ("bundle", release.get("bundle")),
        ("base", release.get("base")),
    ]
    return [(name, str(value)) for name, value in rows if value is not None]
