"""The map as a plot: points of the sample in the colours of their labels, the largest twelve; the rest is grey.

The figure has no traces: the page takes those of the column that the reader chose, and puts the coordinates of the
space that was chosen where their `meta` names the points.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from sphering.report.palette import LABELS, LAW, REST, SYMBOLS
from sphering.report.plotting import blank

MOST_COLOURS = len(LABELS) * len(SYMBOLS)
NO_LABEL, OTHER_LABEL = "no label", "another label"
_LEGEND = 26


def map_figure(found: Mapping[str, Any] | None) -> Any:
    """Return the plot of a report's map without its traces; None where no space has points."""
    if not found or not any(found[space] for space in ("raw", "transformed")):
        return None
    figure = blank("first principal direction", "second principal direction", hovermode="closest")
    figure.update_layout(
        dragmode="zoom",
        margin={"t": 8},
        showlegend=bool(found["labels"]),
        legend={"orientation": "v", "x": 1.01, "y": 1, "yanchor": "top", "itemsizing": "constant"},
    )
    figure.update_xaxes(fixedrange=False, showgrid=True, nticks=7)
    figure.update_yaxes(fixedrange=False, nticks=7, scaleanchor="x")
    return figure


def columns(found: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the traces of a map by column of labels; of the empty name where there is no label."""
    doc_ids, labels = found["doc_ids"], found["labels"]
    if not labels:
        points = list(range(len(doc_ids)))
        return {"": [_trace("texts", points, [""] * len(points), doc_ids, {"color": LAW, "size": 6, "opacity": 0.8})]}
    return {column: _traces(of["names"], of["of"], doc_ids) for column, of in labels.items()}


def _traces(names: Sequence[str], of: Sequence[int | None], doc_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return a trace for the grey rest, beneath, and one for each of the largest labels."""
    own = min(len(names), MOST_COLOURS)
    told = [_told(names, place) for place in of]
    rest = [point for point, place in enumerate(of) if place is None or not 0 <= place < own]
    grey = {"color": REST, "size": 5, "opacity": 0.75}
    traces = [_trace(_rest_name(names, own, of), rest, told, doc_ids, grey)] if rest else []
    for place in range(own):
        points = [point for point, other in enumerate(of) if other == place]
        marker = {
            "color": LABELS[place % len(LABELS)],
            "symbol": SYMBOLS[place // len(LABELS)],
            "size": 8,
            "opacity": 0.9,
        }
        traces.append(_trace(names[place], points, told, doc_ids, marker))
    return traces


def _told(names: Sequence[str], place: int | None) -> str:
    if place is None:
        return NO_LABEL
    return names[place] if place >= 0 else OTHER_LABEL


def _rest_name(names: Sequence[str], own: int, of: Sequence[int | None]) -> str:
    return "other labels" if len(names) > own or -1 in of else NO_LABEL


def _trace(
    name: str, points: Sequence[int], told: Sequence[str], doc_ids: Sequence[str], marker: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one trace; labels and ids are escaped, since Plotly reads some HTML in what it shows."""
    short = name if len(name) <= _LEGEND else name[: _LEGEND - 1] + "…"
    shown = [(told[point], doc_ids[point]) for point in points]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": html.escape(short),
        "meta": list(points),
        "x": [],
        "y": [],
        "text": ["<br>".join(html.escape(part) for part in pair if part) for pair in shown],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": dict(marker),
    }


def axis_titles(space: Mapping[str, Any]) -> list[str]:
    """Return what the two axes of a space's map are called."""
    order = ("first", "second")
    return [
        f"{which} direction, {100 * share:.3g} % of the variance"
        for which, share in zip(order, space["explained"], strict=True)
    ]


def map_choices(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what the reader may choose: the points and axes of each space, the traces of each column of labels."""
    if map_figure(found) is None or found is None:
        return None
    spaces = {space: found[space] for space in ("transformed", "raw") if found[space]}
    return {
        "spaces": {name: {"x": of["x"], "y": of["y"], "titles": axis_titles(of)} for name, of in spaces.items()},
        "columns": columns(found),
    }
