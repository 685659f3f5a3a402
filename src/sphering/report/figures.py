"""The page's plots, as Plotly figures in the light palette; the page swaps the colours where the reader's is dark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAW = "#b4632a"
RAW_FILL = "rgba(180,99,42,0.16)"
TRANSFORMED = "#1f6f78"
TRANSFORMED_FILL = "rgba(31,111,120,0.16)"
LAW = "#7d7a72"
INK = "#5b5850"
GRID = "#e6e2d8"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_COLOURS = {"raw": (RAW, RAW_FILL), "transformed": (TRANSFORMED, TRANSFORMED_FILL)}
_PAIRS = (
    ("dot_cosine", "dot product · cosine"),
    ("euclidean_cosine", "Euclidean · cosine"),
    ("euclidean_dot", "Euclidean · dot product"),
)


def figures(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plots of a report by name, as JSON values for Plotly; a plot without data is left out."""
    made = {
        "angles": _angles(report["angles"]),
        "spectrum": _spectrum(report["spectrum"]),
        "norms": _norms(report["norms"]["raw"]),
        "neighbours": _neighbours(report["raw"], report["transformed"]),
    }
    return {name: json.loads(figure.to_json()) for name, figure in made.items() if figure is not None}


def histogram(angles: Mapping[str, Any], key: str = "counts") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles of the bins, and the share of each bin as a density."""
    shares = np.asarray(angles[key], dtype=np.float64)
    low, high = angles["edges"]
    width = (high - low) / len(shares)
    return low + width * (np.arange(len(shares)) + 0.5), shares / max(shares.sum(), 1e-300) / width


def visible_range(*histograms: Sequence[float]) -> tuple[float, float]:
    """Return the range of cosines in which any of the histograms has a bin above a thousandth of its highest."""
    stacked = np.array([np.asarray(each, dtype=np.float64) / max(max(each), 1e-300) for each in histograms])
    seen = np.flatnonzero((stacked > 1e-3).any(axis=0))
    width = 2.0 / stacked.shape[1]
    if not len(seen):
        return -1.0, 1.0
    low, high = -1.0 + width * seen[0], -1.0 + width * (seen[-1] + 1)
    return max(low - 0.05, -1.0), min(high + 0.05, 1.0)


def _figure(x_title: str, y_title: str, **layout: Any) -> Any:
    import plotly.graph_objects as go

    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "automargin": True, "fixedrange": True}
    figure = go.Figure()
    figure.update_layout(
        template="none",
        font={"family": _FONT, "size": 12.5, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 34, "b": 8},
        autosize=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        hovermode="x unified",
        hoverlabel={"bgcolor": "#fffdf8", "bordercolor": GRID, "font": {"color": INK}},
        dragmode=False,
        **layout,
    )
    figure.update_xaxes({**axis, "title": {"text": x_title, "standoff": 10, "font": {"size": 12.5}}, "showgrid": False})
    figure.update_yaxes({**axis, "title": {"text": y_title, "standoff": 10, "font": {"size": 12.5}}})
    return figure


def _line(name: str, x: Any, y: Any, colours: tuple[str, str | None], **style: Any) -> Any:
    import plotly.graph_objects as go

    line = {"color": colours[0], "width": 2, **style.pop("line", {})}
    fill = {"fill": "tozeroy", "fillcolor": colours[1]} if colours[1] else {}
    return go.Scatter(name=name, x=x, y=y, mode="lines", line=line, **fill, **style)


def _angles(angles: Mapping[str, Any]) -> Any:
    if not any(sum(angles[space]["counts"]) for space in _COLOURS):
        return None
    low, high = visible_range(*(angles[space][key] for space in _COLOURS for key in ("counts", "law")))
    figure = _figure("cosine of two vectors", "density")
    middles, law = histogram(angles["transformed"], "law")
    inside = (middles >= low) & (middles <= high)
    for space, colours in _COLOURS.items():
        density = histogram(angles[space])[1]
        figure.add_trace(_line(space, middles[inside], density[inside].round(5), colours, hovertemplate="%{y:.3f}"))
    dashes = {"dash": "dot", "width": 1.8}
    figure.add_trace(
        _line(
            "random directions",
            middles[inside],
            law[inside].round(5),
            (LAW, None),
            line=dashes,
            hovertemplate="%{y:.3f}",
        )
    )
    figure.update_xaxes(range=[low, high], hoverformat=".3f")
    figure.update_yaxes(rangemode="tozero", showticklabels=False)
    return figure


def _spectrum(spectra: Mapping[str, Any]) -> Any:
    figure = _figure("principal direction", "share of the variance")
    drawn = False
    for space, colours in _COLOURS.items():
        found = spectra[space]
        if not found or not found["rank"]:
            continue
        values = np.asarray(found["values"], dtype=np.float64)[: found["rank"]]
        order = np.arange(1, len(values) + 1)
        shares = np.array([float(f"{share:.4g}") for share in values / values.sum()])
        line = {"width": 5} if space == "raw" else {"width": 1.8}
        figure.add_trace(_line(space, order, shares, (colours[0], None), line=line, hovertemplate="%{y:.3%}"))
        drawn = True
    figure.update_yaxes(type="log", tickformat="~%", dtick=1)
    return figure if drawn else None


def _norms(norms: Mapping[str, Any] | None) -> Any:
    import plotly.graph_objects as go

    if not norms or not norms["n"]:
        return None
    low, high = norms["edges"]
    width = (high - low) / len(norms["counts"])
    middles = low + width * (np.arange(len(norms["counts"])) + 0.5)
    figure = _figure("norm of a raw vector", "documents", bargap=0.08, showlegend=False)
    figure.update_layout(margin={"t": 8})
    figure.add_trace(
        go.Bar(name="documents", x=middles, y=norms["counts"], marker={"color": RAW}, hovertemplate="%{y:,}")
    )
    figure.update_xaxes(range=[low, high], hoverformat=".5f", nticks=5)
    return figure


def _neighbours(raw: Mapping[str, Any], transformed: Mapping[str, Any]) -> Any:
    import plotly.graph_objects as go

    bars = {
        "as stored": [raw[f"knn_overlap_{pair}"]["value"] for pair, _ in _PAIRS],
        "normalised": [raw[f"knn_overlap_{pair}_normalised"]["value"] for pair, _ in _PAIRS],
    }
    if any(value is None for values in bars.values() for value in values):
        return None
    figure = _figure("", "", barmode="group", bargap=0.42, bargroupgap=0.12)
    labels = [label.replace(" · ", "<br>") for _, label in _PAIRS]
    for (name, values), colour in zip(bars.items(), (RAW, TRANSFORMED), strict=True):
        figure.add_trace(go.Bar(name=name, x=labels, y=values, marker={"color": colour}, hovertemplate="%{y:.2%}"))
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", dtick=0.25)
    return figure
