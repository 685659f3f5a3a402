"""Rows of what happened: runs, the gates on their own numbers, and the values of refs."""

from __future__ import annotations

from sphering.catalog.row import Row, Tables, picked
from sphering.gate.names import RUN_METRICS
from sphering.store.corpus import CorpusStore
from sphering.store.refs import NAMES

_RUN_COLUMNS = (
    "run",
    "purpose",
    "status",
    "error",
    "encoder",
    "snapshot",
    "snapshot_status",
    "release",
    "release_status",
    "base",
    "parent",
    "rows_read",
    "source_documents",
    "chunks",
    "documents",
    "quarantined",
    "refused",
    "duplicates",
    "carried",
    "deleted",
    "encoded",
    "encoded_tokens",
    "billed_tokens",
    "cost",
    "reused",
    "removed",
    "truncated",
    "excluded",
    "quarantine_sha256",
    "seconds",
    "started_at",
    "ended_at",
)


def run_rows(corpus: CorpusStore) -> Tables:
    """Return the rows of the tables runs, run_gates and refs."""
    records = corpus.run_records()
    return {
        "runs": [picked(corpus.name, record, _RUN_COLUMNS) for record in records],
        "run_gates": [
            {"corpus": corpus.name, "run": record["run"], **gate}
            for record in records
            for gate in record.get("gates", ())
            if gate["metric"] in RUN_METRICS
        ],
        "refs": [row for channel in corpus.refs.channels() for name in NAMES for row in _ref(corpus, channel, name)],
    }


def _ref(corpus: CorpusStore, channel: str, name: str) -> list[Row]:
    rows = []
    for value in corpus.refs.history(channel, name):
        row = {"corpus": corpus.name, "channel": channel, "name": name, **value.to_json()}
        row["moved_at"] = row.pop("at")  # AT is a reserved word of DuckDB 2
        rows.append(row)
    return rows
