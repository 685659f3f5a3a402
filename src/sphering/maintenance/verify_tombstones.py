"""Whether what was erased stays erased: every tombstone is there, and no shard holds what it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from sphering.errors import IntegrityError, SpheringError
from sphering.identity import short_id
from sphering.maintenance.findings import Findings
from sphering.sqltext import load
from sphering.store.corpus import CorpusStore
from sphering.store.database import DEFAULT, bounded_connection
from sphering.store.documents import read_document
from sphering.store.snapshot import path_list


def verify_tombstones(findings: Findings, corpus: CorpusStore, records: Sequence[Mapping[str, Any]]) -> None:
    """Look at every tombstone, and at those that the records of purges name.

    Cost: where there is one, the ids of all documents are read and hashed.
    """
    names = {name.removesuffix(".json") for name in corpus.files.children(corpus.layout.tombstones)}
    names |= {str(record["tombstone"]) for record in records if "tombstone" in record}
    hashes = set[str]()
    for name in sorted(names):
        where = str(corpus.files.path(corpus.layout.tombstone(name)))
        hashes |= findings.check("tombstone", name, partial(_read, corpus, name, where), where) or set()
    if hashes:
        for path, documents in _holding(corpus, hashes):
            findings.check("erasure", path.stem, partial(_refuse, path, documents), str(path))


def _read(corpus: CorpusStore, name: str, where: str) -> set[str]:
    """Return the hashes of a tombstone's ids."""
    key = corpus.layout.tombstone(name)
    if not corpus.files.exists(key):
        raise IntegrityError(
            "this tombstone is missing: the next run takes its documents in again, if the source still has them",
            where=where,
            remedy="restore it from a backup, or purge the same ids again",
        )
    document = read_document(corpus.files, key)
    if short_id(document) != name:
        raise IntegrityError("this is not the tombstone of that name", where=where, remedy="restore it from a backup")
    return set(document["ids"])


def _holding(corpus: CorpusStore, hashes: set[str]) -> list[tuple[Path, int]]:
    """Return the shards of snapshots that hold documents with these hashes of ids, and how many."""
    import duckdb

    keys = {
        corpus.layout.shard(manifest.encoder, entry.id)
        for manifest in _manifests(corpus)
        for entry in manifest.shards
        if corpus.files.exists(corpus.layout.shard(manifest.encoder, entry.id))
    }
    if not keys:
        return []
    paths = path_list([corpus.files.path(key) for key in sorted(keys)])
    with bounded_connection(DEFAULT) as connection, suppress(duckdb.Error):  # a damaged shard has a finding of its own
        connection.register("erased", pa.table({"hash": sorted(hashes)}))
        found = connection.execute(load("verify_erased").replace("$paths", paths)).fetchall()
        return [(Path(path), int(count)) for path, count in found]
    return []


def _manifests(corpus: CorpusStore) -> list[Any]:
    found = []
    for name in corpus.snapshot_ids():
        with suppress(SpheringError, KeyError, TypeError):  # each has a finding of its own
            found.append(corpus.manifest(name))
    return found


def _refuse(path: Path, documents: int) -> None:
    raise IntegrityError(
        f"this shard holds {documents} documents that a tombstone says were erased",
        where=str(path),
        remedy="run the same `sphering purge` again: it was killed, or failed",
    )
