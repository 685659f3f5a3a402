"""`sphering compare`: two releases of a corpus, read from its store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sphering.errors import StorageError
from sphering.geometry.moments import Moments, merged
from sphering.progress import current
from sphering.report.comparison.compare import SAMPLE, SEED, Side, compare
from sphering.report.spaces import space_moments
from sphering.run.fit import read_transform
from sphering.run.kept_moments import Subject, stretch_moments, stretches
from sphering.store.corpus import CorpusStore, Found
from sphering.store.documents import read_document
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform


def compare_found(corpus: CorpusStore, a: Found, b: Found, *, sample: int = SAMPLE, seed: int = SEED) -> dict[str, Any]:
    """Return how the geometry of the second differs from the first's, as plain JSON values.

    Cost: one pass over the ids and hashes of both, and the vectors of `sample` common texts. Under one encoder also the
    moments of both, raw and under their transform: those of long stretches of shards are kept, the other vectors are
    read once, 1 s for 100,000 of 384 dimensions.

    Parameters
    ----------
    corpus : CorpusStore
    a, b : Found
        Before and after.
    sample : int
        Common texts that are compared.
    seed : int
        Of all that chance decides.
    """
    return compare(_side(corpus, a), _side(corpus, b), sample=sample, seed=seed)


def _side(corpus: CorpusStore, found: Found) -> Side:
    release, snapshot = found.release, corpus.snapshot(found.manifest.id)
    record = corpus.run_record(found.manifest.run if release is None else release.run) or {}
    report = None if release is None else read_document(corpus.files, corpus.layout.report(release.report))
    return Side(
        snapshot=snapshot,
        release=None if release is None else release.id,
        transform=None if release is None else read_transform(corpus, release.transform),
        report=report,
        max_drift=record.get("config", {}).get("transform", {}).get("max_drift"),
        moments=lambda transform: _moments(corpus, snapshot, transform),
        evaluated=_evaluated(corpus, report),
    )


def _evaluated(corpus: CorpusStore, report: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the digest of what each kind of a report's evaluation was read from; nothing where it was collected."""
    name = ((report or {}).get("evaluation") or {}).get("evaluation")
    key = corpus.layout.evaluation_manifest(name) if name else None
    parts = read_document(corpus.files, key).get("parts", {}) if key and corpus.files.exists(key) else {}
    return {kind: part["digest"] for kind, part in parts.items()}


def _moments(corpus: CorpusStore, snapshot: Snapshot, transform: Transform | None) -> Moments:
    """Return the moments of a snapshot's documents; in a store that cannot be written none are kept."""
    progress = current()
    progress.start("moments", snapshot.manifest.documents)
    try:
        found = merged(_counted(corpus, snapshot, transform))
    except StorageError:
        found = space_moments(snapshot, transform)
    progress.finish("moments")
    return found


def _counted(corpus: CorpusStore, snapshot: Snapshot, transform: Transform | None) -> Iterator[Moments]:
    for stretch in stretches(snapshot.manifest):
        part = stretch_moments(corpus, snapshot, stretch, Subject(transform))
        current().advance("moments", part.rows)
        yield part
