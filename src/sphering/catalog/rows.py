"""The rows of the catalog's tables, read off a corpus' documents."""

from __future__ import annotations

from typing import Any

from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.refs import NAMES

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def collect(corpus: CorpusStore) -> Tables:
    """Return the rows of every table for one corpus."""
    releases = [corpus.release(name) for name in corpus.release_ids()]
    return {
        "snapshots": [_snapshot(corpus, name) for name in corpus.snapshot_ids()],
        "shards": [row for name in corpus.snapshot_ids() for row in _shards(corpus, name)],
        "releases": [
            {
                "corpus": corpus.name,
                **{key: getattr(release, key) for key in _RELEASE_COLUMNS},
                "passed": release.passed,
            }
            for release in releases
        ],
        "gates": [
            {"corpus": corpus.name, "release": release.id, **gate.to_json()}
            for release in releases
            for gate in release.gates
        ],
        "exports": [
            {"corpus": corpus.name, "release": release.id, **entry.to_json()}
            for release in releases
            for entry in release.exports
        ],
        "metrics": [row for name in sorted({release.report for release in releases}) for row in _metrics(corpus, name)],
        "runs": [_run(record) for record in corpus.run_records()],
        "refs": [row for channel in corpus.refs.channels() for name in NAMES for row in _ref(corpus, channel, name)],
    }


_RELEASE_COLUMNS = ("id", "encoder", "snapshot", "transform", "report", "bundle", "base", "created_at", "run")
_RUN_COLUMNS = (
    "run",
    "purpose",
    "corpus",
    "encoder",
    "snapshot",
    "release",
    "release_status",
    "status",
    "error",
    "rows_read",
    "documents",
    "quarantined",
    "duplicates",
    "encoded",
    "reused",
    "seconds",
    "started_at",
    "ended_at",
)


def _snapshot(corpus: CorpusStore, name: str) -> Row:
    manifest = corpus.manifest(name).to_json()
    keys = (
        "id",
        "corpus",
        "encoder",
        "dimension",
        "content_digest",
        "documents",
        "texts",
        "tokens",
        "unknown",
        "truncated",
    )
    return {key: manifest[key] for key in (*keys, "created_at", "run")}


def _shards(corpus: CorpusStore, name: str) -> list[Row]:
    manifest = corpus.manifest(name)
    return [
        {"corpus": corpus.name, "snapshot": name, "encoder": manifest.encoder, **entry.to_json()}
        for entry in manifest.shards
    ]


def _metrics(corpus: CorpusStore, name: str) -> list[Row]:
    """Return the numbers of a report; none where only the release is left, which was withdrawn and collected."""
    if not corpus.files.exists(corpus.layout.report(name)):
        return []
    report = read_document(corpus.files, corpus.layout.report(name))
    return [
        {
            "corpus": corpus.name,
            "report": name,
            "side": side,
            "metric": metric,
            "value": number.get("value"),
            "kind": number.get("kind"),
            "n": number.get("n"),
        }
        for side in ("raw", "transformed")
        for metric, number in report.get(side, {}).items()
    ]


def _run(record: Row) -> Row:
    return {key: record.get(key) for key in _RUN_COLUMNS}


def _ref(corpus: CorpusStore, channel: str, name: str) -> list[Row]:
    rows = []
    for value in corpus.refs.history(channel, name):
        row = {"corpus": corpus.name, "channel": channel, "name": name, **value.to_json()}
        row["moved_at"] = row.pop("at")  # AT is a reserved word of DuckDB 2
        rows.append(row)
    return rows
