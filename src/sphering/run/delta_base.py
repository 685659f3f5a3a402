"""Which export of the base a delta can stand on, or why there is none."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.config.export import ExportConfig
from sphering.export.delta.base import DeltaBase, NoDelta
from sphering.export.identity import export_table
from sphering.export.matrix.files import EXCLUDED
from sphering.identity import canonical_json
from sphering.store.corpus import CorpusStore
from sphering.store.layout import MANIFEST
from sphering.store.release import ExportEntry, Release
from sphering.store.snapshot import Snapshot


def delta_base(
    corpus: CorpusStore, config: ExportConfig, base: str | None, transform_sha256: str
) -> DeltaBase | NoDelta:
    """Return the base's export of the same name, format and table under the same transform.

    Parameters
    ----------
    corpus : CorpusStore
    config : ExportConfig
    base : str or None
        The release that tonight's is measured against.
    transform_sha256 : str
        Of tonight's transform.
    """
    if base is None:
        return NoDelta("there is no release before it")
    if not corpus.has_release(base):
        return NoDelta("the release before it was removed", base)
    release = corpus.release(base)
    if release.transform_sha256 != transform_sha256:
        return NoDelta("the release before it has another transform, so that every vector is another", base)
    entry = next((entry for entry in release.exports if entry.name == config.name), None)
    if entry is None:
        return NoDelta(f"the release before it has no export {config.name!r}", base)
    if canonical_json(entry.config) != canonical_json(export_table(config)):
        return NoDelta("the export's table was another in the release before it", base)
    snapshot = _snapshot(corpus, release)
    parts = [f"{entry.path}/{name}" for name in (MANIFEST, EXCLUDED)]
    if snapshot is None or not all(map(corpus.files.exists, parts)):
        return NoDelta("of the release before it, the export or the snapshot was removed", base)
    return DeltaBase(base, entry.id, snapshot, _excluded(corpus, entry))


def _snapshot(corpus: CorpusStore, release: Release) -> Snapshot | None:
    if not corpus.files.exists(corpus.layout.manifest(release.snapshot)):
        return None
    snapshot = corpus.snapshot(release.snapshot)
    places = [*snapshot.paths, *([snapshot.dropped_path] if snapshot.dropped_path else [])]
    return snapshot if all(path.exists() for path in places) else None


def _excluded(corpus: CorpusStore, entry: ExportEntry) -> pa.Array:
    path = corpus.files.path(f"{entry.path}/{EXCLUDED}")
    return pq.read_table(path, columns=["doc_id"])["doc_id"].combine_chunks()
