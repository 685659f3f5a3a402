"""What changed since the base: documents, texts, and the numbers that a reader looks at first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sphering.geometry.estimate import exact
from sphering.report.catalogue import HEADLINES
from sphering.report.changed_documents import changed_documents
from sphering.report.measured import Json, number
from sphering.store.snapshot import Snapshot

_COUNTS = ("documents", "texts")


@dataclass(frozen=True)
class Base:
    """What changes are measured against: a release's id, a reader of its snapshot, and its report.json."""

    release: str
    snapshot: Snapshot
    report: Mapping[str, Any]


def changes_since(base: Base, snapshot: Snapshot, report: Mapping[str, Any]) -> Json:
    """Return the base's ids, how its documents changed, and each changed number before, after and as a difference.

    Parameters
    ----------
    base : Base
    snapshot : Snapshot
        Tonight's.
    report : mapping
        Tonight's report.
    """
    before = base.report
    encoders = [side["snapshot"]["encoder"] for side in (before, report)]
    transforms = [side["transform"]["sha256"] for side in (before, report)]
    return {
        "release": base.release,
        "snapshot": base.snapshot.id,
        "same_snapshot": base.snapshot.id == snapshot.id,
        "same_encoder": encoders[0] == encoders[1],
        "same_transform": transforms[0] == transforms[1],
        "changes": _counted(changed_documents(base.snapshot, snapshot)),
        **{name: _step(before["texts"][name], report["texts"][name]) for name in _COUNTS},
        **{
            space: {name: _step(before[space].get(name, {}), report[space].get(name, {})) for name in HEADLINES}
            for space in ("raw", "transformed")
        },
    }


def _counted(counts: Mapping[str, int]) -> Json:
    """Return the counts as numbers over the documents of either side."""
    either = sum(counts.values())
    return {name: {**number(exact(count, either), "documents"), "value": count} for name, count in counts.items()}


def _step(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    old, new = before.get("value"), after.get("value")
    change = None if old is None or new is None else new - old
    return {"before": old, "after": new, "change": change}
