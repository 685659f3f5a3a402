"""The plots among the details: norms, and how far the metrics agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sphering.report.page.palette import RAW, TRANSFORMED
from sphering.report.page.plotting import blank

_PAIRS = (
    ("dot_cosine", "dot product · cosine"),
    ("euclidean_cosine", "Euclidean · cosine"),
    ("euclidean_dot", "Euclidean · dot product"),
)


def norms_figure(norms: Mapping[str, Any] | None) -> Any:
    """Return the histogram of the norms of the raw vectors; None where there is none."""
    import plotly.graph_objects as go

    if not norms or not norms["n"]:
        return None
    low, high = norms["edges"]
    width = (high - low) / len(norms["counts"])
    middles = low + width * (np.arange(len(norms["counts"])) + 0.5)
    figure = blank("norm of a raw vector", "documents", bargap=0.08, showlegend=False)
    figure.update_layout(margin={"t": 8})
    figure.add_trace(
        go.Bar(name="documents", x=middles, y=norms["counts"], marker={"color": RAW}, hovertemplate="%{y:,}")
    )
    figure.update_xaxes(range=[low, high], hoverformat=".5f", nticks=5)
    return figure


def neighbours_figure(raw: Mapping[str, Any]) -> Any:
    """Return bars of how many neighbours the metrics have in common on raw vectors; None where one is not measured."""
    import plotly.graph_objects as go

    bars = {
        "as stored": [raw[f"knn_overlap_{pair}"]["value"] for pair, _ in _PAIRS],
        "normalised": [raw[f"knn_overlap_{pair}_normalised"]["value"] for pair, _ in _PAIRS],
    }
    if any(value is None for values in bars.values() for value in values):
        return None
    figure = blank("", "", barmode="group", bargap=0.42, bargroupgap=0.12)
    labels = [label.replace(" · ", "<br>") for _, label in _PAIRS]
    for (name, values), colour in zip(bars.items(), (RAW, TRANSFORMED), strict=True):
        figure.add_trace(go.Bar(name=name, x=labels, y=values, marker={"color": colour}, hovertemplate="%{y:.2%}"))
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", dtick=0.25)
    return figure
