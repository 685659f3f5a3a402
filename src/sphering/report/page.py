"""The report as one self-contained HTML page: opens offline, asks nothing of a network."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sphering.report import figures, wording
from sphering.report.catalogue import CHANGES, HEADLINES, SPACE, TEXTS

_SPACES = ("raw", "transformed")
_TEMPLATES = "templates"
_BUNDLE = "vendor/plotly-basic.min.js"


def render(report: Mapping[str, Any], release: Mapping[str, Any]) -> str:
    """Return the page of a release.

    Parameters
    ----------
    report : mapping
        report.json.
    release : mapping
        release.json with `status`: published, held, withdrawn or latest.

    Returns
    -------
    str
        HTML with its styles, scripts, plots and the plotting library inside; every value from outside is escaped.
    """
    return str(_template().render(_view(report, release)))


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sphering.report", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bound": wording.bound, "result": wording.result, "gate_value": wording.gate_value}
    return environment.get_template("report.html.jinja")


@cache
def _plotly() -> str:
    """Return the plotting library, compressed, as base64: 0.5 MB instead of 1.2."""
    source = files("sphering.report").joinpath(_BUNDLE).read_bytes()
    return base64.b64encode(gzip.compress(source, 9, mtime=0)).decode()


def _view(report: Mapping[str, Any], release: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the template shows."""
    title, sentence = wording.VERDICTS[release["status"]]
    plots = figures.figures(report)
    return {
        "report": report,
        "release": release,
        "verdict": {"title": title, "sentence": sentence, "status": release["status"]},
        "gates": sorted(release["gates"], key=lambda gate: (gate["passed"], gate["severity"])),
        "headlines": [_headline(name, report) for name in HEADLINES],
        "documents": wording.shown(report["texts"]["documents"]["value"], "count"),
        "spaces": _space_rows(report),
        "texts": [wording.row(name, metric, {"value": report["texts"].get(name)}) for name, metric in TEXTS.items()],
        "labels": [wording.label_table(column, lines) for column, lines in report.get("labels", {}).items()],
        "evaluation": list(_flat(report["evaluation"] or {})),
        "changes": _changes(report["base"]),
        "changed": _changed(report["base"]),
        "changes_in_words": wording.changes(report["base"]["changes"]) if report["base"] else "",
        "provenance": _provenance(report, release),
        "plots": list(plots),
        "kept": wording.shown(report["transformed"]["knn_overlap_raw"]["value"], "share"),
        "data": _script_json(plots),
        "plotly": _plotly(),
    }


def _headline(name: str, report: Mapping[str, Any]) -> dict[str, Any]:
    spaces = {space: report[space][name] for space in _SPACES}
    return {**wording.row(name, SPACE[name], spaces), "error": wording.error(spaces["transformed"].get("se"))}


def _space_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        wording.row(name, metric, {space: report[space].get(name) for space in _SPACES})
        for name, metric in SPACE.items()
        if any(name in report[space] for space in _SPACES)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str, str]]:
    """Return nested numbers as rows: dotted name, value, and how it was measured where it says so."""
    rows: list[tuple[str, str, str]] = []
    for name, entry in tree.items():
        if isinstance(entry, Mapping) and "value" not in entry:
            rows += _flat(entry, f"{prefix}{name}.")
            continue
        value = entry["value"] if isinstance(entry, Mapping) else entry
        number = isinstance(value, int | float) and not isinstance(value, bool)
        method = wording.method(entry) if isinstance(entry, Mapping) else ""
        rows.append((f"{prefix}{name}", wording.shown(value) if number or value is None else str(value), method))
    return rows


def _changes(base: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return the rows of what changed since the base."""
    if base is None:
        return []
    steps = [(TEXTS[name].title, base[name], "count") for name in ("documents", "texts")]
    steps += [
        (f"{SPACE[name].title}, {space}", base[space][name], SPACE[name].form)
        for name in HEADLINES
        for space in _SPACES
    ]
    return [
        {
            "title": title,
            "before": wording.shown(step["before"], form),
            "after": wording.shown(step["after"], form),
            "change": wording.change(step["change"], form),
        }
        for title, step, form in steps
    ]


def _changed(base: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return how many documents changed since the base, in what way."""
    if base is None:
        return []
    return [wording.row(name, metric, {"documents": base["changes"][name]}) for name, metric in CHANGES.items()]


def _provenance(report: Mapping[str, Any], release: Mapping[str, Any]) -> list[tuple[str, str]]:
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
        ("transform SHA-256", transform["sha256"]),
        ("transform fitted on", f"{transform['fitted_on']}, {transform['n']:,} vectors"),
        ("drift since the fit", wording.shown(transform["drift"]["value"])),
        ("report", release.get("report")),
        ("bundle", release.get("bundle")),
        ("base", release.get("base")),
    ]
    return [(name, str(value)) for name, value in rows if value is not None]


def _script_json(value: Any) -> Any:
    """Return JSON that may stand in a script element: no text in it can end the element."""
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for unsafe in "<>&\u2028\u2029":
        text = text.replace(unsafe, f"\\u{ord(unsafe):04x}")
    return Markup(text)  # noqa: S704 - made safe above
