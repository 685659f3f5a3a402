"""What changed since the base: documents, texts, and the numbers that a reader looks at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.report.catalogue import HEADLINES
from sphering.report.measured import Json

_COUNTS = ("documents", "texts")


def changes_since(base: Mapping[str, Any], report: Mapping[str, Any]) -> Json:
    """Return the base's ids and each changed number before, after and as a difference.

    Parameters
    ----------
    base : mapping
        `release` and `snapshot` (ids), `documents`, and `report`, the base's report.json.
    report : mapping
        Tonight's report.
    """
    before: Mapping[str, Any] = base["report"]
    encoders = [side["snapshot"]["encoder"] for side in (before, report)]
    transforms = [side["transform"]["sha256"] for side in (before, report)]
    return {
        "release": base["release"],
        "snapshot": base["snapshot"],
        "same_snapshot": base["snapshot"] == report["snapshot"]["id"],
        "same_encoder": encoders[0] == encoders[1],
        "same_transform": transforms[0] == transforms[1],
        **{name: _step(before["texts"][name], report["texts"][name]) for name in _COUNTS},
        **{
            space: {name: _step(before[space].get(name, {}), report[space].get(name, {})) for name in HEADLINES}
            for space in ("raw", "transformed")
        },
    }


def _step(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    old, new = before.get("value"), after.get("value")
    change = None if old is None or new is None else new - old
    return {"before": old, "after": new, "change": change}
