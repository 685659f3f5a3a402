"""The documents that an upsert starts from: those of the release that `latest` named when the run began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from sphering.config.model import Config, NormaliseConfig
from sphering.errors import ConfigError, IntegrityError
from sphering.run.workspace import Workspace
from sphering.store.corpus import CorpusStore
from sphering.store.manifest import SnapshotManifest
from sphering.store.refs import LATEST
from sphering.store.release import Release
from sphering.store.shard import CHUNK_PLACE
from sphering.store.snapshot import Snapshot

MAIN = "main"
COLUMNS = ("doc_id", "text", "metadata", "text_hash", "metadata_hash")
_BATCH_ROWS = 1024
ONCE_IN_FULL = "run once in full: `sphering run --set source.mode=full` over the whole corpus, without [source] deleted"


def starting_release(config: Config, corpus: CorpusStore) -> str | None:
    """Return the release that an upsert starts from: the channel's `latest`, in a new channel that of `main`.

    None in full mode, and where nothing stands yet: then the source is the whole corpus.
    """
    if config.source.mode == "full":
        return None
    latest = corpus.refs.read(config.run.channel, LATEST) or corpus.refs.read(MAIN, LATEST)
    return latest.release if latest else None


def carried_documents(workspace: Workspace, chunk: dict[str, Any] | None) -> Iterable[pa.RecordBatch]:
    """Return the documents that an upsert starts from; memory is bounded by one batch.

    Parameters
    ----------
    workspace : Workspace
    chunk : dict or None
        What decides where tonight's source documents are cut; None where they are not.

    Returns
    -------
    iterable of pyarrow.RecordBatch
        With `COLUMNS`, and for chunks those of `CHUNK_PLACE`.

    Raises
    ------
    ConfigError
        If they were normalised or cut otherwise, have other metadata, or lack the texts that the new snapshot is to
        keep.
    IntegrityError
        While they are read: if they are not as many as their manifest says.
    """
    name = workspace.begun["carried_from"]
    if name is None:
        return ()
    release = workspace.corpus.release(name)
    snapshot = workspace.corpus.snapshot(release.snapshot)
    _check_normalise(workspace.config, release)
    _check_chunk(workspace.corpus, snapshot.manifest, chunk)
    _check_columns(workspace, snapshot.manifest)
    _check_texts(workspace.config, snapshot.manifest)
    return _documents(snapshot)


def carries_texts(workspace: Workspace) -> bool:
    """Return whether every document of a run has its text: not where it starts from a snapshot without texts."""
    name = workspace.begun["carried_from"]
    return name is None or workspace.corpus.manifest(workspace.corpus.release(name).snapshot).keep_text


def _documents(snapshot: Snapshot) -> Iterator[pa.RecordBatch]:
    count = 0
    places = [] if snapshot.manifest.chunk is None else [field.name for field in CHUNK_PLACE]
    for batch in snapshot.batches([*COLUMNS, *places], _BATCH_ROWS):
        count += batch.num_rows
        yield batch
    if count != snapshot.manifest.documents:
        raise IntegrityError(
            f"the snapshot {snapshot.id} has {count} documents",
            expected=f"{snapshot.manifest.documents}, as its manifest says",
            where=f"snapshot {snapshot.id}",
            remedy="run `sphering verify`",
        )


def _check_normalise(config: Config, release: Release) -> None:
    before = NormaliseConfig.model_validate(release.bundle_document["normalise"])
    if before != config.normalise:
        raise ConfigError(
            f"[normalise] is {_shown(config.normalise)}",
            expected=f"{_shown(before)}, as in the release {release.id} whose documents are carried over",
            where="[normalise]",
            remedy=ONCE_IN_FULL,
        )


def _shown(config: NormaliseConfig) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in config.model_dump(mode="json").items())


def _check_chunk(corpus: CorpusStore, manifest: SnapshotManifest, now: dict[str, Any] | None) -> None:
    """Refuse chunks that are cut otherwise than those of the snapshot: half a corpus of each would be neither.

    As of other columns, a later run in full that came to the same documents has shown that its chunks are as good.
    """
    before = manifest.chunk
    as_good = before is not None and any(record.get("chunk") == now for record in _runs_to(corpus, manifest.id))
    if now == before or (as_good and now is not None):
        return
    raise ConfigError(
        f"source documents are {_cut(now, before)}",
        expected=f"{_cut(before, now)}, as in the snapshot {manifest.id} whose documents are carried over",
        where="[chunk]",
        remedy=ONCE_IN_FULL,
    )


def _cut(chunk: dict[str, Any] | None, other: dict[str, Any] | None) -> str:
    """Say how source documents are cut, by what differs from the other way."""
    if chunk is None:
        return "not cut into chunks"
    differs = {name: value for name, value in chunk.items() if other is None or other.get(name) != value}
    return "cut into chunks by " + ", ".join(f"{name} = {value!r}" for name, value in differs.items())


def _check_columns(workspace: Workspace, manifest: SnapshotManifest) -> None:
    """Refuse other metadata than that of the snapshot, whose metadata hashes hold for its columns alone.

    A manifest says what its first run was given. A later run that came to the same documents with other columns, such
    as one that is null in all of them, has shown that these are as good.
    """
    now = _columns(workspace.config.source.labels, workspace.config.source.metadata)
    before = _columns(manifest.labels, manifest.metadata)
    if now == before or now in _columns_of_runs(workspace.corpus, manifest.id):
        return
    raise ConfigError(
        f"the columns of [source] labels and metadata are {', '.join(now) or 'none'}",
        expected=f"{', '.join(before) or 'none'}, as in the snapshot {manifest.id} whose documents are carried over",
        where="[source] labels and metadata",
        remedy=ONCE_IN_FULL,
    )


def _columns(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for part in names for name in part}))


def _columns_of_runs(corpus: CorpusStore, snapshot: str) -> set[tuple[str, ...]]:
    """Return the columns under which finished runs came to a snapshot."""
    sources = [record["config"]["source"] for record in _runs_to(corpus, snapshot)]
    return {_columns(source["labels"], source["metadata"]) for source in sources}


def _runs_to(corpus: CorpusStore, snapshot: str) -> Iterator[dict[str, Any]]:
    """Yield the records of finished runs that came to a snapshot."""
    for record in corpus.newest_runs():
        if record.get("snapshot") == snapshot and record.get("status") == "finished" and record["purpose"] == "run":
            yield record


def _check_texts(config: Config, manifest: SnapshotManifest) -> None:
    if config.source.keep_text and not manifest.keep_text:
        raise ConfigError(
            f"the snapshot {manifest.id}, whose documents are carried over, has no texts to keep",
            expected="[source] keep_text = false, as it was made",
            where="[source] keep_text",
            remedy=ONCE_IN_FULL,
        )
