"""Every number of a release under the name that a gate has for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sphering.gate.names import (
    EVALUATION_METRICS,
    EXPORT_METRICS,
    RECALL,
    RECALL_LOW,
    RUN_METRICS,
    export_metric,
    label_metrics,
    release_names,
)
from sphering.report.flattened import TEXTS, VECTORS, Number, is_evaluated, numbers_of

Numbers = dict[str, float | None]


def release_numbers(report: Mapping[str, Any], exports: Mapping[str, Mapping[str, Any]]) -> Numbers:
    """Return the numbers that a release's gates may bound.

    `raw.X` and `transformed.X` are the report's metrics; plain `X` is the transformed one (the raw one where only raw
    vectors have it) or the texts'; `labels.COLUMN.raw.X`, `labels.COLUMN.transformed.X` and plain `labels.COLUMN.X` are
    likewise of a column of labels; `exports.NAME.X` is an export's, plain `recall_at_10` the smallest of those that
    measured one, plain `excluded` the largest; `evaluation.X` is what the evaluation measured.

    Parameters
    ----------
    report : mapping
        report.json.
    exports : mapping
        Each export's manifest, by its name.
    """
    documents = scalar(report["texts"]["documents"])
    of_exports = {name: _export(content, documents) for name, content in exports.items()}
    return {
        **dict.fromkeys((*release_names(), *EVALUATION_METRICS)),
        **_report(report),
        **_over_exports(report, of_exports.values()),
        **{export_metric(name, key): value for name, found in of_exports.items() for key, value in found.items()},
    }


def scalar(entry: Any) -> float | None:
    """Return the number in an entry that is one, or has one as its `value`; None where there is none."""
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _report(report: Mapping[str, Any]) -> Numbers:
    found = [number for number in numbers_of(report) if _may_be_bounded(number)]
    columns = report.get("label_geometry", {})
    return {
        **{name: None for column in columns for name in label_metrics(column)},  # the extended ones may be missing
        **{number.name: scalar(number.entry) for number in found},
        **{_plain(number): scalar(number.entry) for number in found if number.side and not is_evaluated(number)},
    }


def _may_be_bounded(number: Number) -> bool:
    """Return whether a gate on a release knows a number."""
    if is_evaluated(number):
        return number.name in EVALUATION_METRICS
    return number.part != TEXTS or number.name not in RUN_METRICS


def _plain(number: Number) -> str:
    """Return a number's name without its space; the transformed one comes last and has it."""
    return number.metric if number.part == VECTORS else f"{number.part}.{number.metric}"


def _export(manifest: Mapping[str, Any], documents: float | None) -> Numbers:
    excluded = scalar(manifest.get("excluded"))
    share = None if excluded is None or not documents else excluded / documents
    low = (manifest.get(RECALL) or {}).get("interval", [None])[0]
    return {**{name: scalar(manifest.get(name)) for name in EXPORT_METRICS}, RECALL_LOW: low, "excluded_share": share}


def _over_exports(report: Mapping[str, Any], exports: Iterable[Numbers]) -> Numbers:
    """Return the plain numbers of all exports; without exports, vectors without a direction count as excluded."""
    found = list(exports)
    recalls = [recall for entry in found if (recall := entry[RECALL]) is not None]
    excluded = [count for entry in found if (count := entry["excluded"]) is not None]
    vanished = sum(scalar(report["transformed"][name]) or 0 for name in ("zero", "non_finite"))
    documents = scalar(report["texts"]["documents"])
    worst = max(excluded, default=vanished)
    return {
        RECALL: min(recalls, default=None),
        "excluded": worst,
        "excluded_share": worst / documents if documents else None,
    }
