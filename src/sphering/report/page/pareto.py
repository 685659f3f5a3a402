"""The page of recall against speed: every index that was tried under each of its settings, one line an index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sphering.report.page.palette import LABELS
from sphering.report.page.plotting import blank
from sphering.report.page.render import page_template, plotly_library, script_json

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")


def render_pareto(tuned: Mapping[str, Any]) -> str:
    """Return one HTML file with the plot, which asks nothing of a network.

    Parameters
    ----------
    tuned : mapping
        What `sphering.run.tune.tune` gave.
    """
    figure = json.loads(pareto_figure(tuned["points"]).to_json())
    view = {
        "tuned": tuned,
        "data": script_json({"figures": {"pareto": figure}, "map": None}),
        "plotly": plotly_library(),
    }
    return str(page_template("pareto.html.jinja").render(view))


def pareto_figure(points: Sequence[Mapping[str, Any]]) -> Any:
    """Return recall@10 against queries/s, as a Plotly figure.

    A line joins what no other setting of the same index beats in both; large marks are what nothing else beats.
    """
    figure = blank("recall@10", "queries/s (all at once)", hovermode="closest")
    drawn = [point for point in points if point.get("queries_per_second")]
    for number, name in enumerate(dict.fromkeys(point["candidate"] for point in drawn)):
        own = [point for point in drawn if point["candidate"] == name]
        best = _frontier(own)
        style = {"color": LABELS[number % len(LABELS)], "symbol": _SYMBOLS[number // len(LABELS) % len(_SYMBOLS)]}
        figure.add_trace(_trace(name, best, style, mode="lines+markers"))
        beaten = [point for point in own if point not in best]
        figure.add_trace(_trace(name, beaten, style, mode="markers", opacity=0.35, showlegend=False))
    figure.update_yaxes(type="log", dtick="D2")
    figure.update_xaxes(tickformat=".2f")
    return figure


def _trace(name: str, points: Sequence[Mapping[str, Any]], style: Mapping[str, Any], **drawn: Any) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        name=name,
        legendgroup=name,
        x=[point["recall_at_10"]["value"] for point in points],
        y=[point["queries_per_second"] for point in points],
        line={"color": style["color"], "width": 1.2},
        marker={**style, "size": [11 if point["optimal"] else 6 for point in points]},
        text=[_hover(point) for point in points],
        hovertemplate="%{text}<extra></extra>",
        **drawn,
    )


def _frontier(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what no other point beats in both recall and speed, from the fastest on."""
    found: list[Mapping[str, Any]] = []
    for point in sorted(points, key=lambda point: -point["queries_per_second"]):
        if not found or point["recall_at_10"]["value"] > found[-1]["recall_at_10"]["value"]:
            found.append(point)
    return found


def _hover(point: Mapping[str, Any]) -> str:
    settings = ", ".join(f"{key} {value}" for key, value in point["settings"].items())
    recall, speed = point["recall_at_10"]["value"], point["queries_per_second"]
    return (
        f"{point['candidate']}{f' ({settings})' if settings else ''}<br>recall@10 {recall:.3f}, "
        f"{speed:,.0f} queries/s, {point['bytes_per_vector']:,.0f} bytes a vector"
    )
