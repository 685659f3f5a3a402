"""The map as a plot: points of the sample in the colours of their labels, the largest twelve; the rest is grey.

The figure has no traces: the page takes those of the column that the reader chose, and puts the coordinates of the
space that was chosen where their `meta` names the points.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sphering.report.page.palette import LABELS, LAW, REST, SYMBOLS
from sphering.report.page.plotting import blank

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
    rest_name = _rest_name(names, own, of)
    legend = legend_names([*names[:own], *([rest_name] if rest else [])])
    traces = [_trace(legend[-1], rest, told, doc_ids, grey)] if rest else []
    for place in range(own):
        points = [point for point, other in enumerate(of) if other == place]
        marker = {
            "color": LABELS[place % len(LABELS)],
            "symbol": SYMBOLS[place // len(LABELS)],
            "size": 8,
            "opacity": 0.9,
        }
        traces.append(_trace(legend[place], points, told, doc_ids, marker))
    return traces


def legend_names(names: Sequence[str]) -> list[str]:
    """Return names as short as a legend has room for, no two of them alike: those that begin alike keep their ends."""
    short = [_clipped(name) for name in names]
    short = [_clipped(name, half=True) if short.count(own) > 1 else own for name, own in zip(names, short, strict=True)]
    seen = Counter[str]()
    for place, name in enumerate(short):
        seen[name] += 1
        short[place] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return short


def _clipped(name: str, *, half: bool = False) -> str:
    if len(name) <= _LEGEND:
        return name
    end = name[-(_LEGEND // 2) :] if half else ""
    return name[: _LEGEND - 1 - len(end)] + "…" + end


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
    shown = [(told[point], doc_ids[point]) for point in points]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": html.escape(name),
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
