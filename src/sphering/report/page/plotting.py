"""What the page's plots have in common: an empty figure in the page's style, and a line."""

from __future__ import annotations

from typing import Any

from sphering.report.page.palette import GRID, HOVER, INK

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_TITLE_SIZE = 12.5


def blank(x_title: str, y_title: str, **layout: Any) -> Any:
    """Return a Plotly figure without data: transparent, with two axes that do not zoom."""
    import plotly.graph_objects as go

    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "automargin": True, "fixedrange": True}
    style = {
        "template": "none",
        "font": {"family": _FONT, "size": _TITLE_SIZE, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 34, "b": 8},
        "autosize": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": HOVER, "bordercolor": GRID, "font": {"color": INK}},
        "dragmode": False,
        "xaxis": {**axis, "title": _title(x_title), "showgrid": False},
        "yaxis": {**axis, "title": _title(y_title)},
    }
    return go.Figure(layout={**style, **layout})  # updates one by one take twelve times as long


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "standoff": 10, "font": {"size": _TITLE_SIZE}}


def line(name: str, x: Any, y: Any, colours: tuple[str, str | None], **style: Any) -> Any:
    """Return a line in the first of two colours, filled down to zero with the second where there is one."""
    import plotly.graph_objects as go

    drawn = {"color": colours[0], "width": 2, "simplify": False, **style.pop("line", {})}
    fill = {"fill": "tozeroy", "fillcolor": colours[1]} if colours[1] else {}
    return go.Scatter(name=name, x=x, y=y, line=drawn, **{"mode": "lines", **fill, **style})
