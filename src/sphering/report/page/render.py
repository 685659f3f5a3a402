"""The report as one self-contained HTML page: opens offline, asks nothing of a network."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sphering.export.facts import measured_words
from sphering.report import wording
from sphering.report.catalogue import HEADLINES
from sphering.report.page import figures, tables, verdict
from sphering.report.page.definitions import definitions
from sphering.report.page.folded import label_part, rogue_part
from sphering.report.page.folded_choice import choice_part
from sphering.report.page.folded_evaluation import evaluation_part
from sphering.report.page.map_figure import map_choices
from sphering.report.page.readings import readings

_PARTS = (evaluation_part, choice_part, label_part, rogue_part)
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
    return str(page_template("report.html.jinja").render(_view(report, release)))


@cache
def page_template(name: str) -> Any:
    """Return a template of the pages, which escapes every value."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sphering.report.page", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = wording.breakable
    return environment.get_template(name)


@cache
def plotly_library() -> str:
    """Return the plotting library, compressed, as base64: 0.5 MB instead of 1.2."""
    source = files("sphering.report.page").joinpath(_BUNDLE).read_bytes()
    return base64.b64encode(gzip.compress(source, 9, mtime=0)).decode()


def _view(report: Mapping[str, Any], release: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the template shows."""
    base, plots = report["base"], figures.figures(report)
    return {
        "report": report,
        "release": release,
        "measured_words": measured_words,
        "verdict": verdict.verdict(release),
        "gates": verdict.gate_rows(release["gates"]),
        "to_do": verdict.to_do(report, release),
        "headlines": [tables.headline(name, report) for name in HEADLINES],
        "documents": wording.shown(report["texts"]["documents"]["value"], "count"),
        "spaces": tables.space_rows(report),
        "texts": tables.text_rows(report),
        "labels": [wording.label_table(column, lines) for column, lines in report.get("labels", {}).items()],
        "parts": [part for part_of in _PARTS if (part := part_of(report))],
        "changes": tables.step_rows(base),
        "changed": tables.changed_rows(base),
        "changes_in_words": wording.changes(base["changes"]) if base else "",
        "provenance": tables.provenance(report, release),
        "definitions": definitions(),
        "plots": list(plots),
        "shape": [name for name in plots if name not in figures.FOLDED],
        "readings": readings(report),
        "columns": list((report.get("map") or {}).get("labels", {})),
        "kept": wording.shown(report["transformed"]["knn_overlap_raw"]["value"], "share"),
        "data": script_json({"figures": plots, "map": map_choices(report.get("map"))}),
        "plotly": plotly_library(),
    }


def script_json(value: Any) -> Any:
    """Return JSON that may stand in a script element: no text in it can end the element."""
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for unsafe in "<>&\u2028\u2029":
        text = text.replace(unsafe, f"\\u{ord(unsafe):04x}")
    return Markup(text)  # noqa: S704 - made safe above
