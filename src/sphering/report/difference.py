"""Two snapshots beside one another: their documents, encoders, configurations and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.differing import differing
from sphering.report.changed_documents import changed_documents, write_changed_ids
from sphering.store.corpus import CorpusStore, Found
from sphering.store.manifest import SnapshotManifest

Json = dict[str, Any]


def difference(corpus: CorpusStore, a: Found, b: Found, ids: Path | None = None) -> Json:
    """Return how the second differs from the first, as plain JSON values.

    Parameters
    ----------
    corpus : CorpusStore
    a, b : Found
        Before and after.
    ids : Path, optional
        Where to write the ids of all documents that differ, as Parquet: doc_id, change, moved_from.
    """
    before, after = corpus.snapshot(a.manifest.id), corpus.snapshot(b.manifest.id)
    changes = changed_documents(before, after)
    if ids is not None:
        write_changed_ids(before, after, ids)
    return {
        "a": _named(a),
        "b": _named(b),
        "changes": changes,
        "encoder": differing(a.manifest.encoder_document, b.manifest.encoder_document),
        "config": differing(_config(corpus, a), _config(corpus, b)),
        "size": _sizes(a.manifest, b.manifest),
        "ids": None if ids is None else str(ids),
    }


def _named(found: Found) -> Json:
    return {"snapshot": found.manifest.id, "release": found.release.id if found.release else None}


def _config(corpus: CorpusStore, found: Found) -> Json:
    """Return the configuration of the run that made a thing; nothing where that run was killed before its record."""
    maker = found.release.run if found.release else found.manifest.run
    record = corpus.run_record(maker)
    return dict(record["config"]) if record else {}


def _sizes(a: SnapshotManifest, b: SnapshotManifest) -> Json:
    before, after = (
        {
            "documents": manifest.documents,
            "texts": manifest.texts,
            "tokens": manifest.tokens,
            "truncated": manifest.truncated,
            "shards": len(manifest.shards),
            "dropped_rows": sum(entry.dropped for entry in manifest.shards),
            "bytes": sum(entry.bytes for entry in manifest.shards),
        }
        for manifest in (a, b)
    )
    return {
        name: {"a": before[name], "b": after[name], "change": _change(before[name], after[name])} for name in before
    }


def _change(before: int | None, after: int | None) -> int | None:
    """Return how much a number grew; None where an encoder could not say it."""
    return None if before is None or after is None else after - before
