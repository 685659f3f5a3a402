"""Shards and manifests without the documents that are to be erased."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.evaluation.keep import halved_texts
from sphering.identity import sha256_bytes, sha256_file
from sphering.run.read_back import FACTS, snapshot_facts
from sphering.sqltext import load
from sphering.store.corpus import CorpusStore
from sphering.store.database import DEFAULT, bounded_connection
from sphering.store.documents import read_document
from sphering.store.dropped import dropped_table, write_dropped
from sphering.store.layout import PROBE
from sphering.store.manifest import ShardEntry, SnapshotManifest, snapshot_id
from sphering.store.shard import ROW_GROUP_ROWS, is_chunked, read_batches, shard_id, write_shard
from sphering.store.snapshot import Snapshot, path_list, register_rows


@dataclass(frozen=True)
class Rewritten:
    """A shard without some documents: its new entry (None where nothing is left), and the rows that it kept."""

    entry: ShardEntry | None
    kept: NDArray[np.int64]


@dataclass(frozen=True)
class Successor:
    """What a snapshot's manifest becomes, with the bytes of its list of dropped rows; `erased` documents are gone."""

    manifest: SnapshotManifest
    dropped: bytes | None
    erased: int


@dataclass(frozen=True)
class Held:
    """Where rows of some ids are: (encoder, shard) of every file, and how many documents they are."""

    shards: list[tuple[str, str]]
    documents: int


def shards_with(corpus: CorpusStore, ids: pa.Array) -> Held:
    """Return every shard file that holds a row of these ids, or a chunk of theirs, also rows that snapshots drop.

    Raises
    ------
    InputError
        If an id is that of a chunk: the next run would cut it again from its source document.
    """
    places = {}
    for encoder in corpus.files.children(corpus.layout.all_shards):
        for name in corpus.files.children(corpus.layout.shards(encoder)):
            if name.endswith(".parquet") and name != PROBE:
                shard = name.removesuffix(".parquet")
                places[str(corpus.files.path(corpus.layout.shard(encoder, shard)))] = encoder, shard
    if not places:
        return Held([], 0)
    with bounded_connection(DEFAULT) as connection:
        connection.register("erased", pa.table({"doc_id": ids}))
        statement = load("erasure_shards").replace("$paths", path_list([Path(path) for path in places]))
        found = connection.execute(statement).fetchall()
    _refuse_chunks(found, ids)
    return Held([places[path] for path in sorted({row[0] for row in found})], len({row[1] for row in found}))


def _refuse_chunks(found: Sequence[tuple[str, str, str | None]], ids: pa.Array) -> None:
    given = set(ids.to_pylist())
    chunks = sorted({(doc_id, parent) for _, doc_id, parent in found if parent is not None and parent not in given})
    if chunks:
        doc_id, parent = chunks[0]
        raise InputError(
            f"{doc_id!r} is a chunk of the source document {parent!r}",
            expected="ids of source documents: the next run would cut the same chunk again",
            remedy=f"purge {parent!r}, with all of its chunks; to keep the rest of it, change its text in the source",
        )


def rewrite_shard(corpus: CorpusStore, encoder: str, shard: str, ids: pa.Array) -> Rewritten:
    """Create a shard of what is left of another without these ids, or chunks of theirs; memory holds one shard."""
    path = corpus.files.path(corpus.layout.shard(encoder, shard))
    table = pa.Table.from_batches(read_batches(path, None, ROW_GROUP_ROWS))
    source = "parent" if is_chunked(table.column_names) else "doc_id"
    staying = pc.invert(pc.is_in(table[source], value_set=ids))
    kept = np.flatnonzero(staying.to_numpy())
    left = table.filter(staying)
    if not left.num_rows:
        return Rewritten(None, kept)
    name = shard_id(encoder, left, keep_text=left["text"].null_count < left.num_rows)
    local = corpus.files.temporary()
    try:
        write_shard(local, left)
        corpus.files.create_from(corpus.layout.shard(encoder, name), local)
    finally:
        local.unlink(missing_ok=True)
    path = corpus.files.path(corpus.layout.shard(encoder, name))
    return Rewritten(ShardEntry(name, left.num_rows, 0, path.stat().st_size, sha256_file(path)), kept)


def evaluations_of_erased(corpus: CorpusStore, staying: Iterable[str]) -> list[str]:
    """Return the evaluations that have halves of a text that none of some snapshots has."""
    files, layout = corpus.files, corpus.layout
    keys = {name: layout.evaluation_manifest(name) for name in files.children(layout.evaluations)}
    documents = {name: read_document(files, key) for name, key in keys.items() if files.exists(key)}
    halved = {name: texts for name, each in documents.items() if (texts := halved_texts(corpus, name, each))}
    left: set[bytes] = set().union(*halved.values())
    for snapshot in staying if left else ():
        for batch in corpus.snapshot(snapshot).batches(["text_hash"]):
            left.difference_update(batch["text_hash"].to_pylist())
    return [name for name, texts in halved.items() if texts & left]


def succeed(corpus: CorpusStore, snapshot: Snapshot, rewritten: Mapping[str, Rewritten], run: str) -> Successor:
    """Return a snapshot's manifest over rewritten shards, its numbers read back from them.

    Where all erased rows were dropped ones, it is the same snapshot in another layout.
    """
    entries, shards, rows = _layout(snapshot, rewritten)
    dropped = _parquet(shards, rows) if len(rows) else None
    before = snapshot.manifest
    facts = _read_back(corpus, before.encoder, entries, dropped)
    name = snapshot_id(corpus.name, before.encoder, facts["content_digest"])
    manifest = replace(before, **facts, id=name, shards=tuple(entries), run=run if name != before.id else before.run)
    return Successor(manifest, dropped, before.documents - manifest.documents)


def _layout(
    snapshot: Snapshot, rewritten: Mapping[str, Rewritten]
) -> tuple[list[ShardEntry], NDArray[np.int32], NDArray[np.int64]]:
    """Return the entries, and the dropped rows by their new shards and places."""
    entries: list[ShardEntry] = []
    shards, rows = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for position, entry in enumerate(snapshot.manifest.shards):
        gone = snapshot.dropped_rows(position)
        again = rewritten.get(entry.id)
        if again is not None:
            gone = np.flatnonzero(np.isin(again.kept, gone)).astype(np.int64)
        now = entry if again is None else again.entry
        if now is None or len(gone) == now.rows:
            continue
        shards.append(np.full(len(gone), len(entries), np.int32))
        rows.append(gone)
        entries.append(now._replace(dropped=len(gone)))
    return entries, np.concatenate(shards), np.concatenate(rows)


def _parquet(shards: NDArray[np.int32], rows: NDArray[np.int64]) -> bytes:
    sink = pa.BufferOutputStream()
    write_dropped(sink, dropped_table(shards, rows))
    return bytes(sink.getvalue())


def _read_back(
    corpus: CorpusStore, encoder: str, entries: Sequence[ShardEntry], dropped: bytes | None
) -> dict[str, Any]:
    """Return the numbers of a manifest over these shards; no document may be left."""
    facts: dict[str, Any] = {"dropped_sha256": sha256_bytes(dropped) if dropped else None}
    if not entries:
        return facts | dict.fromkeys(FACTS, 0) | {"content_digest": ""}
    paths = [corpus.files.path(corpus.layout.shard(encoder, entry.id)) for entry in entries]
    local = corpus.files.temporary()
    try:
        local.write_bytes(dropped or b"")
        with bounded_connection(DEFAULT) as connection:
            register_rows(connection, paths, local if dropped else None)
            return facts | snapshot_facts(connection)
    finally:
        local.unlink(missing_ok=True)
