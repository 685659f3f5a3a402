"""What a plot shows, in a sentence of figures: for readers who do not see it, and for those who do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sphering.report.page.figures import histogram
from sphering.report.page.occurrence_figure import seen
from sphering.report.wording import shown

_SPACES = ("raw", "transformed")
_MIDDLE = (0.05, 0.95)


def readings(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the sentence of each of the four plots by its name."""
    return {
        "angles": _angles(report),
        "spectrum": _spectrum(report["spectrum"]),
        "occurrence": _occurrence(report.get("k_occurrence") or {}),
        "map": _map(report.get("map") or {}, report["snapshot"]),
    }


def _angles(report: Mapping[str, Any]) -> str:
    parts = [
        f"{space}, nine pairs of ten between {shown(low)} and {shown(high)}"
        for space in _SPACES
        for low, high in [_middle(report["angles"][space])]
        if low is not None
    ]
    if not parts:
        return ""
    low, high = _middle(report["angles"]["transformed"], "law")
    return f"{_list(parts)}; of random directions, between {shown(low)} and {shown(high)}."


def _middle(angles: Mapping[str, Any], key: str = "counts") -> tuple[float | None, float | None]:
    """Return the cosines between which nine pairs of ten lie, to a bin's width."""
    if not sum(angles[key]):
        return None, None
    middles, density = histogram(angles, key)
    cumulative = np.cumsum(density) / density.sum()
    low, high = (float(middles[np.searchsorted(cumulative, quantile)]) for quantile in _MIDDLE)
    return low, high


def _spectrum(spectra: Mapping[str, Any]) -> str:
    parts = []
    for space in _SPACES:
        found = spectra[space]
        if found and found["rank"]:
            level = found["noise_level"] / sum(found["values"][: found["rank"]])
            parts.append(
                f"{space}, {found['rank']:,} of {len(found['values']):,} directions stand above the noise, which is "
                f"{level:.1e} of the variance"
            )
    return f"{_list(parts)}." if parts else ""


def _occurrence(occurrences: Mapping[str, Any]) -> str:
    parts = []
    for space in _SPACES:
        found = occurrences.get(space)
        if found:
            times, shares = seen(found)
            never = float(shares[times == 0].sum())
            parts.append(
                f"{space}, the most found of {found['n']:,} texts is a neighbour of {times[-1]:,} others, and "
                f"{shown(never, 'share')} are found by none"
            )
    return f"{_list(parts)}." if parts else ""


def _map(found: Mapping[str, Any], snapshot: Mapping[str, Any]) -> str:
    parts = [
        f"{shown(sum(found[space]['explained']), 'share')} of the variance {space}"
        for space in _SPACES
        if found.get(space)
    ]
    if not parts:
        return ""
    return (
        f"{found['texts']:,} texts in two of {snapshot['dimension']:,} dimensions, which hold {_list(parts, ' and ')}: "
        "what lies apart here is apart, what lies together need not be near."
    )


def _list(parts: list[str], joint: str = "; ") -> str:
    joined = joint.join(parts)
    return joined[:1].upper() + joined[1:]
