"""What is said of a release's exports wherever they are listed: what the release names, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.release import ExportEntry

RECALLS = ("recall_at_1", "recall_at_10", "recall_at_100", "rescored_recall_at_10")
_MEASURED = ("n", "d", "dtype", "approximate", *RECALLS, "queries_per_second", "bytes_per_vector", "settings", "delta")

_CHANGES = {"upserts": "upserts", "deletes": "deletes", "payload_updates": "payload updates"}


def export_facts(corpus: CorpusStore, entry: ExportEntry) -> dict[str, Any]:
    """Return what a release says of an export, with its manifest's numbers where it has not been collected."""
    key = corpus.layout.export_manifest(entry.id)
    manifest = read_document(corpus.files, key) if corpus.files.exists(key) else {}
    return {**entry.to_json(), **{name: manifest[name] for name in _MEASURED if name in manifest}}


def measured_words(facts: Mapping[str, Any]) -> str:
    """Return recall, speed, size, settings and delta of an export in words; empty where there is none of these."""
    return "; ".join(filter(None, (_recall(facts), _speed(facts), _settings(facts), _delta(facts))))


def _recall(facts: Mapping[str, Any]) -> str:
    found = facts.get("recall_at_10")
    if not found:
        return ""
    if found["value"] is None:
        return f"recall@10 not measured: {found['reason']}"
    low, high = found["interval"]
    words = f"recall@10 {found['value']:.3f} ({low:.3f} to {high:.3f})"
    rescored = facts.get("rescored_recall_at_10", {}).get("value")
    return words if rescored is None or rescored <= found["value"] else f"{words}, rescored {rescored:.3f}"


def _speed(facts: Mapping[str, Any]) -> str:
    speed = f"{facts['queries_per_second']:,.0f} queries/s" if "queries_per_second" in facts else ""
    size = f"{facts['bytes_per_vector']:,.0f} bytes a vector" if facts.get("recall_at_10") else ""
    return ", ".join(filter(None, (speed, size)))


def _settings(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in (facts.get("settings") or {}).items())


def _delta(facts: Mapping[str, Any]) -> str:
    found = facts.get("delta")
    if not found:
        return ""
    if "reason" in found:
        return f"no delta: {found['reason']}"
    counts = ", ".join(f"{found[key]:,} {words}" for key, words in _CHANGES.items())
    return f"delta against {found['base']}: {counts}"
