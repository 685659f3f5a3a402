"""Rows of releases and what they name: gates, exports, reports and every number of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sphering.catalog.row import Row, Tables, picked, value_of
from sphering.export.facts import RECALLS
from sphering.report.catalogue import CHANGES
from sphering.report.flattened import TEXTS, numbers_of
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.release import ExportEntry, Release

_RELEASE_COLUMNS = ("id", "encoder", "snapshot", "transform", "report", "bundle", "base", "created_at", "run", "passed")
_EXPORT_COLUMNS = ("name", "format", "id", "path", "manifest_sha256", "config")
_EXPORT_NUMBERS = ("n", "d", "excluded", *RECALLS, "queries_per_second", "bytes_per_vector")

_DELTA = ("base", "upserts", "deletes", "payload_updates")


def release_rows(corpus: CorpusStore, releases: Sequence[Release]) -> Tables:
    """Return the rows of the tables releases, gates, exports, reports and metrics."""
    reports = _reports(corpus)
    transforms = {release.report: release.transform for release in releases}
    return {
        "releases": [
            {"corpus": corpus.name, **{name: getattr(release, name) for name in _RELEASE_COLUMNS}}
            for release in releases
        ],
        "gates": [
            {"corpus": corpus.name, "release": release.id, **gate.to_json()}
            for release in releases
            for gate in release.gates
        ],
        "exports": [
            {"release": release.id, **_export(corpus, entry)} for release in releases for entry in release.exports
        ],
        "reports": [_report(corpus.name, report, transforms.get(report["id"])) for report in reports],
        "metrics": [row for report in reports for row in _metrics(corpus.name, report)],
    }


def _export(corpus: CorpusStore, entry: ExportEntry) -> Row:
    key = corpus.layout.export_manifest(entry.id)
    manifest = read_document(corpus.files, key) if corpus.files.exists(key) else {}
    files = manifest.get("files")
    return {
        **picked(corpus.name, vars(entry), _EXPORT_COLUMNS),
        **{name: value_of(manifest.get(name)) for name in _EXPORT_NUMBERS},
        "bytes": None if files is None else sum(file["bytes"] for file in files.values()),
        **{f"delta_{name}": manifest.get("delta", {}).get(name) for name in _DELTA},
    }


def _reports(corpus: CorpusStore) -> list[dict[str, Any]]:
    keys = map(corpus.layout.report, corpus.files.children(corpus.layout.reports))
    return [read_document(corpus.files, key) for key in keys if corpus.files.exists(key)]


def _report(corpus: str, report: Mapping[str, Any], transform: str | None) -> Row:
    base = report["base"] or {}
    return {
        "corpus": corpus,
        "id": report["id"],
        "snapshot": report["snapshot"]["id"],
        "transform": transform,
        "base": base.get("release"),
        "evaluation": (report["evaluation"] or {}).get("evaluation"),
        **{name: value_of(report["texts"].get(name)) for name in ("documents", "texts")},
        **{name: value_of(base.get("changes", {}).get(name)) for name in CHANGES},
        "raw_mean_cosine": value_of(report["raw"].get("mean_cosine")),
        "transformed_mean_cosine": value_of(report["transformed"].get("mean_cosine")),
        "drift": value_of(report["transform"]["drift"]),
        "warnings": len(report["warnings"]),
    }


def _metrics(corpus: str, report: Mapping[str, Any]) -> Iterable[Row]:
    for number in numbers_of(report):
        low, high = number.interval or (None, None)
        yield {
            **picked(corpus, number.entry, ("value", "kind", "n", "over", "reason")),
            "report": report["id"],
            **{name: getattr(number, name) for name in ("part", "metric", "name")},
            "side": TEXTS if number.part == TEXTS else number.side,
            "low": low,
            "high": high,
        }
