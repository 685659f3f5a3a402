"""The id of a report: what it was made from."""

from __future__ import annotations

from collections.abc import Iterable

from sphering.config.model import ReportConfig
from sphering.identity import short_id

REPORT_VERSION = 4


def report_id(
    config: ReportConfig,
    snapshot: str,
    transform: str,
    evaluation: str | None,
    base: str | None,
    labels: Iterable[str],
) -> str:
    """Return the id of a report.

    Parameters
    ----------
    config : ReportConfig
    snapshot : str
        The snapshot's id.
    transform : str
        The transform's SHA-256.
    evaluation, base : str or None
        Ids of the evaluation, and of the release that changes are measured against.
    labels : iterable of str
        The columns whose labels are measured apart: metadata tells which columns a snapshot has, not which are labels.
    """
    return short_id(
        {
            "snapshot": snapshot,
            "transform": transform,
            "evaluation": evaluation,
            "report": config.model_dump(mode="json"),
            "base": base,
            "labels": sorted(labels),
            "v": REPORT_VERSION,
        }
    )
