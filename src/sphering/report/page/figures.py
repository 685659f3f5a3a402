"""The page's plots, as Plotly figures in the light palette; the page swaps the colours where the reader's is dark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.report.page.folded_figures import neighbours_figure, norms_figure
from sphering.report.page.map_figure import map_figure
from sphering.report.page.occurrence_figure import occurrence_figure
from sphering.report.page.palette import LAW, SPACES
from sphering.report.page.plotting import blank, line
from sphering.report.page.spectrum_figure import spectrum_figure

FOLDED = ("norms", "neighbours")
"""Those that stand among the details, and are drawn when they are opened."""


def figures(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plots of a report by name, as JSON values for Plotly; a plot without data is left out."""
    made = {
        "angles": _angles(report["angles"]),
        "spectrum": spectrum_figure(report["spectrum"]),
        "occurrence": occurrence_figure(report.get("k_occurrence") or {}),
        "map": map_figure(report.get("map")),
        "norms": norms_figure(report["norms"]["raw"]),
        "neighbours": neighbours_figure(report["raw"]),
    }
    return {name: _plain(figure) for name, figure in made.items() if figure is not None}


def _plain(figure: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(figure.to_json())
    return found


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


def _angles(angles: Mapping[str, Any]) -> Any:
    if not any(sum(angles[space]["counts"]) for space in SPACES):
        return None
    low, high = visible_range(*(angles[space][key] for space in SPACES for key in ("counts", "law")))
    figure = blank("cosine of two vectors", "density")
    middles, law = histogram(angles["transformed"], "law")
    inside = (middles >= low) & (middles <= high)
    for space, colours in SPACES.items():
        density = histogram(angles[space])[1]
        figure.add_trace(line(space, middles[inside], density[inside].round(5), colours, hovertemplate="%{y:.3f}"))
    figure.add_trace(
        line(
            "random directions",
            middles[inside],
            law[inside].round(5),
            (LAW, None),
            line={"dash": "dot", "width": 1.8},
            hovertemplate="%{y:.3f}",
        )
    )
    figure.update_xaxes(range=[low, high], hoverformat=".3f")
    figure.update_yaxes(rangemode="tozero", showticklabels=False)
    return figure
