"""The spectrum as a plot: the share of the variance in each principal direction, the rank, and the noise beneath."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sphering.report.page.palette import LAW, SPACES
from sphering.report.page.plotting import blank, line

_NEAR = 1e-2
"""Noise further below the smallest variance than this is switched off at first: it would flatten the spectrum."""


def spectrum_figure(spectra: Mapping[str, Any]) -> Any:
    """Return the plot of the spectra of both spaces; None where neither has a direction."""
    found = {space: spectrum for space, spectrum in spectra.items() if spectrum and spectrum["rank"]}
    if not found:
        return None
    figure = blank("principal direction", "share of the variance")
    for space, spectrum in found.items():
        values = np.asarray(spectrum["values"], dtype=np.float64)[: spectrum["rank"]]
        shares = _digits(values / values.sum())
        style = {"width": 5} if space == "raw" else {"width": 1.8}
        colour = (SPACES[space][0], None)
        order = np.arange(1, len(shares) + 1)
        name = f"{space}, rank {spectrum['rank']:,}"
        figure.add_trace(line(name, order, shares, colour, line=style, hovertemplate="%{y:.3%}"))
        figure.add_trace(_end(space, spectrum["rank"], shares[-1]))
    for space, spectrum in found.items():
        figure.add_trace(_noise(space, spectrum, first=space == next(iter(found))))
    figure.update_yaxes(type="log", tickformat="~%", dtick=1)
    return figure


def _digits(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def _end(space: str, rank: int, share: float) -> Any:
    """Return the end of a spectrum, which is its rank; the legend has it in figures."""
    colour = SPACES[space][0]
    return line(
        f"rank, {space}",
        [rank],
        [share],
        (colour, None),
        mode="markers",
        marker={"color": colour, "size": 8},
        showlegend=False,
        hoverinfo="skip",
        cliponaxis=False,
    )


def _noise(space: str, spectrum: Mapping[str, Any], *, first: bool) -> Any:
    """Return the noise level of a space; those of both have one entry in the legend."""
    values = np.asarray(spectrum["values"], dtype=np.float64)[: spectrum["rank"]]
    level = spectrum["noise_level"] / values.sum()
    near = spectrum["noise_level"] > _NEAR * values[-1]
    return line(
        "noise level",
        [1, len(spectrum["values"])],
        _digits([level, level]),
        (LAW if space == "raw" else SPACES[space][0], None),
        line={"dash": "dot", "width": 1.6},
        hovertemplate="%{y:.1e}",
        legendgroup="noise",
        showlegend=first,
        visible=True if near else "legendonly",
    )
