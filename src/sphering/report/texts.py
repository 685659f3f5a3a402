"""What a snapshot's manifest says of its texts: duplicates, tokens, truncation, unknown tokens."""

from __future__ import annotations

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.report.measured import Json, number
from sphering.store.snapshot import SnapshotManifest

CANNOT_SAY = "this encoder does not tell unknown tokens"


def text_metrics(manifest: SnapshotManifest) -> dict[str, Json]:
    """Return the metrics of a snapshot's texts, exact over its documents or their tokens."""
    documents, tokens = manifest.documents, manifest.tokens
    again = documents - manifest.texts
    return {
        "documents": number(exact(documents, documents), "documents"),
        "texts": number(exact(manifest.texts, documents), "documents"),
        "duplicate_documents": number(exact(again, documents), "documents"),
        "duplicate_texts_share": number(_share(again, documents, "no document"), "documents"),
        "tokens_mean": number(_share(tokens, documents, "no document"), "documents"),
        "truncated": number(exact(manifest.truncated, documents), "documents"),
        "truncated_share": number(_share(manifest.truncated, documents, "no document"), "documents"),
        "unknown_share": number(_unknown(manifest), "tokens"),
    }


def _unknown(manifest: SnapshotManifest) -> Estimate:
    if manifest.unknown is None:
        return undefined(CANNOT_SAY, manifest.tokens)
    return _share(manifest.unknown, manifest.tokens, "no token")


def _share(part: int, whole: int, missing: str) -> Estimate:
    return exact(part / whole, whole) if whole else undefined(missing)
