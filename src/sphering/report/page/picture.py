"""The histogram of angles as a small PNG, for pages that show pictures and no scripts."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.report.page.figures import histogram, visible_range
from sphering.report.page.palette import INK, LAW, RAW, TRANSFORMED

WIDTH, HEIGHT = 960, 420
_SCALE = 2  # drawn twice as large and shrunk: Pillow's lines have hard edges
_LEFT, _RIGHT, _TOP, _BOTTOM = 32, 32, 64, 52
_PAPER = "#fbf9f4"
_AXIS = "#cfc9bb"
_FILL = 40
_SPACES = {"raw": RAW, "transformed": TRANSFORMED}


def angle_picture(report: Mapping[str, Any]) -> str:
    """Return the PNG as a data URI, which pages show without a request."""
    return "data:image/png;base64," + base64.b64encode(angle_png(report)).decode()


def angle_png(report: Mapping[str, Any]) -> bytes:
    """Return a PNG of 960 x 420 pixels: cosines of pairs, raw and transformed, against random directions."""
    from PIL import Image

    canvas = _Canvas(*visible_range(*(report["angles"][space][key] for space in _SPACES for key in ("counts", "law"))))
    curves = {space: histogram(report["angles"][space]) for space in _SPACES}
    middles, law = histogram(report["angles"]["transformed"], "law")
    top = max(float(density.max()) for density in (*(curve[1] for curve in curves.values()), law)) or 1.0
    for space, colour in _SPACES.items():
        canvas.area(curves[space][0], curves[space][1] / top, colour)
    canvas.line(middles, law / top, LAW, dotted=True)
    canvas.axis()
    canvas.legend([*_SPACES.items(), ("random directions", LAW)])
    small = canvas.image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.quantize(64, Image.Quantize.MEDIANCUT).save(stream, "PNG", optimize=True)
    return stream.getvalue()


class _Canvas:
    """A plot area over cosines from `low` to `high` and heights from 0 to 1."""

    def __init__(self, low: float, high: float) -> None:
        from PIL import Image, ImageDraw, ImageFont

        self.low, self.high = low, high
        self.image = Image.new("RGBA", (WIDTH * _SCALE, HEIGHT * _SCALE), _PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(16 * _SCALE)

    def points(self, cosines: NDArray[np.float64], heights: NDArray[np.float64]) -> list[tuple[float, float]]:
        """Return pixels of those points that are inside the range."""
        inside = (cosines >= self.low) & (cosines <= self.high)
        x = _LEFT + (cosines[inside] - self.low) / (self.high - self.low) * (WIDTH - _LEFT - _RIGHT)
        y = HEIGHT - _BOTTOM - heights[inside] * (HEIGHT - _TOP - _BOTTOM)
        return list(zip((x * _SCALE).tolist(), (y * _SCALE).tolist(), strict=True))

    def area(self, cosines: NDArray[np.float64], heights: NDArray[np.float64], colour: str) -> None:
        """Draw a curve with a light fill down to the axis."""
        from PIL import Image, ImageColor, ImageDraw

        curve = self.points(cosines, heights)
        if len(curve) < 2:
            return
        ground = (HEIGHT - _BOTTOM) * _SCALE
        layer = Image.new("RGBA", self.image.size, (0, 0, 0, 0))
        shape = [(curve[0][0], ground), *curve, (curve[-1][0], ground)]
        ImageDraw.Draw(layer).polygon(shape, fill=(*ImageColor.getrgb(colour)[:3], _FILL))
        self.image.alpha_composite(layer)
        self.line(cosines, heights, colour)

    def line(
        self, cosines: NDArray[np.float64], heights: NDArray[np.float64], colour: str, *, dotted: bool = False
    ) -> None:
        """Draw a curve, as small dots in equal steps along it where it is dotted."""
        curve = self.points(cosines, heights)
        if len(curve) < 2:
            return
        if not dotted:
            self.draw.line(curve, fill=colour, width=2 * _SCALE, joint="curve")
            return
        x, y = np.array(curve).T
        along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        steps = np.arange(0.0, along[-1], 6.0 * _SCALE)
        for at in zip(np.interp(steps, along, x), np.interp(steps, along, y), strict=True):
            self.draw.circle(at, 1.3 * _SCALE, fill=colour)

    def axis(self) -> None:
        """Draw the axis of cosines with its ticks."""
        ground = (HEIGHT - _BOTTOM) * _SCALE
        self.draw.line([(_LEFT * _SCALE, ground), ((WIDTH - _RIGHT) * _SCALE, ground)], fill=_AXIS, width=_SCALE)
        step = next(step for step in (0.05, 0.1, 0.2, 0.25, 0.5) if (self.high - self.low) / step <= 9)
        ticks = np.arange(np.ceil(self.low / step), np.floor(self.high / step) + 1) * step
        for (x, _), tick in zip(self.points(ticks, np.zeros(len(ticks))), ticks, strict=True):
            self.draw.line([(x, ground), (x, ground + 5 * _SCALE)], fill=_AXIS, width=_SCALE)
            self.draw.text((x, ground + 8 * _SCALE), f"{tick + 0.0:.4g}", INK, self.font, "ma")
        middle = (WIDTH * _SCALE / 2, (HEIGHT - 4) * _SCALE)
        self.draw.text(middle, "cosine of two vectors", INK, self.font, "md")

    def legend(self, entries: list[tuple[str, str]]) -> None:
        """Write the names of the curves above the plot, each in its colour."""
        x = float(_LEFT * _SCALE)
        for name, colour in entries:
            self.draw.circle((x + 6 * _SCALE, 28 * _SCALE), 5 * _SCALE, fill=colour)
            self.draw.text((x + 18 * _SCALE, 28 * _SCALE), name, INK, self.font, "lm")
            x += 46 * _SCALE + self.draw.textlength(name, self.font)
