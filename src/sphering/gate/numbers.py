"""Every number of a release under the name that a gate has for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sphering.gate.names import (
    EVALUATION,
    EVALUATION_METRICS,
    EXPORT_METRICS,
    RUN_METRICS,
    export_metric,
    label_metrics,
    release_names,
)

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
    texts = {name: scalar(entry) for name, entry in report["texts"].items() if name not in RUN_METRICS}
    found: Numbers = {**texts, "drift": scalar(report["transform"]["drift"])}
    for space in ("raw", "transformed"):
        found |= {f"{space}.{name}": scalar(entry) for name, entry in report[space].items()}
    found |= {name: scalar(entry) for name, entry in {**report["raw"], **report["transformed"]}.items()}
    found |= _of_labels(report)
    of_evaluation = _leaves(report.get("evaluation") or {}, f"{EVALUATION}.")
    return found | {name: value for name, value in of_evaluation if name in EVALUATION_METRICS}


def _of_labels(report: Mapping[str, Any]) -> Numbers:
    """Return the numbers of each column of labels; None for those that only an extended report measures."""
    found: Numbers = {}
    for column, spaces in report.get("label_geometry", {}).items():
        plain = {f"labels.{column}.{name}": scalar(entry) for name, entry in spaces["transformed"].items()}
        of_spaces = dict(_leaves(spaces, f"labels.{column}."))
        found |= {**dict.fromkeys(label_metrics(column)), **of_spaces, **plain}
    return found


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float | None]]:
    """Yield the numbers of nested objects under dotted names; an object with a `value` is one number, or none."""
    for name, entry in tree.items():
        if isinstance(entry, Mapping) and "value" not in entry:
            yield from _leaves(entry, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", scalar(entry)


def _export(manifest: Mapping[str, Any], documents: float | None) -> Numbers:
    excluded = scalar(manifest.get("excluded"))
    share = None if excluded is None or not documents else excluded / documents
    return {**{name: scalar(manifest.get(name)) for name in EXPORT_METRICS}, "excluded_share": share}


def _over_exports(report: Mapping[str, Any], exports: Iterable[Numbers]) -> Numbers:
    """Return the plain numbers of all exports; without exports, vectors without a direction count as excluded."""
    found = list(exports)
    recalls = [entry["recall_at_10"] for entry in found if entry["recall_at_10"] is not None]
    excluded = [entry["excluded"] for entry in found if entry["excluded"] is not None]
    vanished = sum(scalar(report["transformed"][name]) or 0 for name in ("zero", "non_finite"))
    documents = scalar(report["texts"]["documents"])
    worst = max(excluded, default=vanished)
    return {
        "recall_at_10": min(recalls, default=None),
        "excluded": worst,
        "excluded_share": worst / documents if documents else None,
    }
