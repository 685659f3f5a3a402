"""The k-occurrence as a plot: how many texts are found how often, raw and transformed, against chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.report.page.palette import LAW, SPACES
from sphering.report.page.plotting import blank, line

_MARKERS: dict[str, dict[str, Any]] = {
    "raw": {"symbol": "circle-open", "size": 8, "line": {"width": 1.6}},
    "transformed": {"symbol": "circle", "size": 5},
}
"""A ring and a point: where both are equal, one stands in the other."""


def occurrence_figure(occurrences: Mapping[str, Any]) -> Any:
    """Return the plot of the histograms of both spaces; None where there is none."""
    found = {space: occurrence for space, occurrence in occurrences.items() if occurrence}
    if not found:
        return None
    first = next(iter(found.values()))
    k, texts = first["k"], first["n"]
    figure = blank(f"times a text is found (k = {k})", "share of the texts")
    for space, occurrence in found.items():
        times, shares = seen(occurrence)
        figure.add_trace(
            line(
                space,
                times.tolist(),
                [float(f"{share:.4g}") for share in shares],
                (SPACES[space][0], None),
                mode="markers",  # a line would go over times that no text is found
                marker=_MARKERS[space] | {"color": SPACES[space][0]},
                hovertemplate="%{y:.2%}",
            )
        )
    times, shares = by_chance(k, 0.5 / texts)
    figure.add_trace(
        line(
            "by chance",
            times.tolist(),
            [float(f"{share:.4g}") for share in shares],
            (LAW, None),
            line={"dash": "dot", "width": 1.8},
            hovertemplate="%{y:.2%}",
        )
    )
    figure.update_yaxes(type="log", tickformat="~%", dtick=1)
    figure.update_xaxes(rangemode="tozero")
    return figure


def seen(occurrence: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the occurrences that any text has, ascending, and the share of the texts that have each."""
    counts = np.asarray(occurrence["counts"], dtype=np.float64)
    times = np.flatnonzero(counts)
    return times, counts[times] / counts.sum()


def by_chance(k: int, least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return Poisson's law of mean k, where it is at least `least`: neighbours that are drawn by chance follow it."""
    times = np.arange(0, 12 * k)
    shares = np.array([math.exp(t * math.log(k) - k - math.lgamma(t + 1)) for t in times])
    kept = shares >= least
    return times[kept], shares[kept]
