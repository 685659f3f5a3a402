"""Commit the snapshot: sums, content digest, dropped rows, manifest last."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.errors import EmptyCorpusError, IntegrityError
from sphering.identity import sha256_file
from sphering.run import lease
from sphering.run.database import connect
from sphering.run.ingest import judge_run, staged_of
from sphering.run.read_back import snapshot_facts
from sphering.run.workspace import Workspace, timed
from sphering.store.clock import now
from sphering.store.corpus import CorpusStore
from sphering.store.dropped import dropped_table, write_dropped
from sphering.store.manifest import ShardEntry, SnapshotManifest, snapshot_id
from sphering.store.shard import EMBEDDING
from sphering.store.snapshot import Snapshot, register_rows

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Committed:
    """The snapshot of a run: `created` by it, or `unchanged` where the store had it."""

    snapshot: str
    status: str
    documents: int


@dataclass(frozen=True)
class _Layout:
    """The shards of a snapshot to be, and the rows that it leaves out of them."""

    entries: tuple[ShardEntry, ...]
    dropped: pa.Table


@timed("snapshot")
def commit_snapshot(path: Path) -> Committed | None:
    """Name the snapshot by its content and create its manifest unless it exists.

    Returns
    -------
    Committed or None
        None where a gate on the run's own numbers fails with the texts that the encoder refused: nothing is committed.

    Raises
    ------
    IntegrityError
        If the sums do not add up: then nothing is committed.
    """
    workspace = Workspace(path)
    refused = refused_count(workspace)
    if refused and not judge_run(workspace, refused)[1]:
        return None
    committed = _parent_again(workspace) or _commit_new(workspace, workspace.corpus)
    if not workspace.config.source.keep_text and workspace.corpus.manifest(committed.snapshot).keep_text:
        _log.warning(
            "%s", f"keep_text = false, but the snapshot of these documents is {committed.snapshot}, with texts"
        )
    workspace.write("snapshot", asdict(committed))
    return committed


def _parent_again(workspace: Workspace) -> Committed | None:
    """Return the parent where nothing is new, dropped or refused: then there is nothing to read back."""
    units = workspace.read("units")
    dropped = pq.read_metadata(workspace.path / "dropped.parquet").num_rows
    if units["parent"] is None or units["count"] or units["known_refused"] or dropped:
        return None
    parent = workspace.corpus.manifest(units["parent"])
    if parent.content_digest != staged_of(workspace).content_digest:
        return None
    return Committed(parent.id, "unchanged", parent.documents)


def _commit_new(workspace: Workspace, corpus: CorpusStore) -> Committed:
    encoder = workspace.begun["encoder"]
    layout = _layout(workspace, corpus, encoder)
    dropped = workspace.path / "new-dropped.parquet" if layout.dropped.num_rows else None
    if dropped is not None:
        write_dropped(dropped, layout.dropped)
    paths = [corpus.files.path(corpus.layout.shard(encoder, entry.id)) for entry in layout.entries]
    facts = _facts(workspace, paths, dropped)
    _check_sums(workspace, facts["documents"])
    lease.check(workspace)
    name = snapshot_id(corpus.name, encoder, facts["content_digest"])
    exists = corpus.files.exists(corpus.layout.manifest(name))
    created = not exists and _create(corpus, _manifest(workspace, name, facts, layout.entries, dropped), dropped)
    return Committed(name, "created" if created else "unchanged", int(facts["documents"]))


def _layout(workspace: Workspace, corpus: CorpusStore, encoder: str) -> _Layout:
    kept, dropped = _kept_of_parent(workspace, corpus)
    created = []
    for unit in range(workspace.read("units")["count"]):
        shard = workspace.read(f"unit-{unit:06d}")["shard"]
        if shard is not None:
            created.append(_entry(corpus, encoder, shard))
    return _Layout((*kept, *created), dropped)


def _entry(corpus: CorpusStore, encoder: str, shard: str) -> ShardEntry:
    path = corpus.files.path(corpus.layout.shard(encoder, shard))
    rows = pq.read_metadata(path).num_rows
    return ShardEntry(shard, rows, 0, path.stat().st_size, sha256_file(path))


def _kept_of_parent(workspace: Workspace, corpus: CorpusStore) -> tuple[list[ShardEntry], pa.Table]:
    """Return the parent's shards that keep a row, and the dropped rows by their new positions."""
    parent_id = workspace.read("units")["parent"]
    empty = dropped_table([], [])
    if parent_id is None:
        return [], empty
    parent = corpus.snapshot(parent_id)
    newly = pq.read_table(workspace.path / "dropped.parquet")
    shards, rows = _all_dropped(parent, newly)
    entries: list[ShardEntry] = []
    out_shards, out_rows = [], []
    for position, entry in enumerate(parent.manifest.shards):
        gone = np.unique(rows[shards == position])
        if len(gone) == entry.rows:
            continue
        out_shards.append(np.full(len(gone), len(entries), np.int32))
        out_rows.append(gone)
        entries.append(ShardEntry(entry.id, entry.rows, len(gone), entry.bytes, entry.sha256))
    if not entries:
        return [], empty
    return entries, dropped_table(np.concatenate(out_shards), np.concatenate(out_rows))


def _all_dropped(parent: Snapshot, newly: pa.Table) -> tuple[Any, Any]:
    shards, rows = newly["shard"].to_numpy().astype(np.int32), newly["row"].to_numpy().astype(np.int64)
    if parent.dropped_path is None:
        return shards, rows
    before = pq.read_table(parent.dropped_path)
    return (
        np.concatenate([before["shard"].to_numpy(), shards]),
        np.concatenate([before["row"].to_numpy(), rows]),
    )


def _facts(workspace: Workspace, paths: list[Path], dropped: Path | None) -> dict[str, Any]:
    """Return the counts and the content digest of what is about to be committed, read back from its shards."""
    if not paths:
        raise EmptyCorpusError(
            "the encoder refused every text of the corpus (non-finite or zero vectors)",
            expected="a model that gives usable vectors",
            remedy="try the model by hand on a few texts",
        )
    with connect(workspace) as connection:
        register_rows(connection, paths, dropped)
        facts = snapshot_facts(connection)
    return {**facts, "dimension": pq.read_schema(paths[0]).field(EMBEDDING).type.list_size}


def refused_count(workspace: Workspace) -> int:
    """Return how many documents were quarantined for the vector that the encoder gave, tonight or before."""
    units = workspace.read("units")
    tonight = sum(workspace.read(f"unit-{unit:06d}")["refused"] for unit in range(units["count"]))
    return int(units["known_refused"] + tonight)


def _check_sums(workspace: Workspace, documents: int) -> None:
    staged, refused = staged_of(workspace), refused_count(workspace)
    if staged.documents != documents + refused:
        raise IntegrityError(
            f"the sums do not add up: {staged.documents} documents staged, {documents} in shards, {refused} refused",
            expected="staged = in shards + refused by the encoder",
            where=str(workspace.path),
            remedy="run again; if it happens again, please report it: nothing was committed",
        )


def _manifest(
    workspace: Workspace, name: str, facts: dict[str, Any], entries: tuple[ShardEntry, ...], dropped: Path | None
) -> SnapshotManifest:
    source, chunk = workspace.config.source, staged_of(workspace).chunk
    return SnapshotManifest(
        id=name,
        corpus=workspace.corpus.name,
        encoder=workspace.begun["encoder"],
        encoder_document=workspace.begun["encoder_document"],
        keep_text=source.keep_text,
        labels=source.labels,
        metadata=source.metadata,
        shards=entries,
        dropped_sha256=sha256_file(dropped) if dropped else None,
        created_at=now(),
        run=workspace.run,
        chunk=None if chunk is None else dict(chunk),
        **facts,
    )


def _create(corpus: CorpusStore, manifest: SnapshotManifest, dropped: Path | None) -> bool:
    if dropped is not None and manifest.dropped_sha256 is not None:
        corpus.files.create_from(corpus.layout.dropped(manifest.id, manifest.dropped_sha256), dropped)
    return corpus.create_manifest(manifest)
