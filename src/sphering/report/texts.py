"""What a snapshot's texts come to: duplicates, tokens, truncation, unknown tokens, tokens per character."""

from __future__ import annotations

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.report.counted import Counted, Tally
from sphering.report.measured import Json, number, share_of
from sphering.store.manifest import SnapshotManifest

CANNOT_SAY = "this encoder does not tell unknown tokens"
CANNOT_COUNT = "this encoder does not count tokens"
NOT_KEPT = "no text is kept (keep_text = false)"


def text_metrics(manifest: SnapshotManifest, counted: Counted) -> dict[str, Json]:
    """Return the metrics of a snapshot's texts, exact over its documents, their tokens or their characters."""
    documents, whole = manifest.documents, counted.whole
    again = documents - manifest.texts
    return {
        "documents": number(exact(documents, documents), "documents"),
        "texts": number(exact(manifest.texts, documents), "documents"),
        "duplicate_documents": number(exact(again, documents), "documents"),
        "duplicate_texts_share": number(share_of(again, documents, "no document"), "documents"),
        "tokens_mean": number(_tokens_mean(whole), "documents"),
        "tokens_min": number(_tokens_min(counted), "documents"),
        "tokens_per_character": number(tokens_per_character(whole), "characters"),
        "truncated": number(exact(manifest.truncated, documents), "documents"),
        "truncated_share": number(share_of(manifest.truncated, documents, "no document"), "documents"),
        "unknown_share": number(unknown_share(whole), "tokens"),
    }


def _tokens_mean(tally: Tally) -> Estimate:
    if tally.uncounted:
        return undefined(CANNOT_COUNT, tally.documents)
    return share_of(tally.tokens, tally.documents, "no document")


def _tokens_min(counted: Counted) -> Estimate:
    fewest, documents = counted.fewest_tokens, counted.whole.documents
    return undefined(CANNOT_COUNT, documents) if fewest is None else exact(fewest, documents)


def unknown_share(tally: Tally) -> Estimate:
    """Return the share of the tokens of some documents that the vocabulary lacks."""
    if tally.unsaid or tally.uncounted:
        return undefined(CANNOT_SAY, tally.tokens)
    return share_of(tally.unknown, tally.tokens, "no token")


def tokens_per_character(tally: Tally) -> Estimate:
    """Return how many tokens some documents have for each of their Unicode characters, special tokens included."""
    if tally.uncounted:
        return undefined(CANNOT_COUNT)
    if tally.textless:
        return undefined(NOT_KEPT)
    return share_of(tally.tokens, tally.characters, "no character")
