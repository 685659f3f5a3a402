"""Whether a snapshot's shards, vectors, texts and sums are still what its manifest says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.encoder.probe import read_any_probe
from sphering.errors import IntegrityError, NotFoundError
from sphering.identity import sha256_file
from sphering.maintenance.findings import Findings
from sphering.run.read_back import snapshot_digest
from sphering.sqltext import load
from sphering.store.corpus import CorpusStore
from sphering.store.database import DEFAULT, bounded_connection
from sphering.store.documents import read_document
from sphering.store.manifest import ShardEntry, SnapshotManifest, snapshot_id
from sphering.store.shard import EMBEDDING, is_chunked, is_shard, read_batches, vector_rows
from sphering.store.snapshot import BLOCK_ROWS


def verify_snapshot(findings: Findings, corpus: CorpusStore, snapshot: str, seen: set[str]) -> None:
    """Look at a snapshot and at all that its manifest names.

    Parameters
    ----------
    seen : set of str
        Snapshots, encoders and shards that were looked at before: each is hashed once, whoever names it. Grows.
    """
    if snapshot in seen:
        return
    seen.add(snapshot)
    where = str(corpus.files.path(corpus.layout.manifest(snapshot)))
    manifest: SnapshotManifest | None = findings.check(
        "snapshot", snapshot, lambda: _read(corpus, snapshot, where), where
    )
    if manifest is None:
        return
    before = len(findings.wrong)
    if manifest.encoder not in seen:
        seen.add(manifest.encoder)
        findings.check("probe", manifest.encoder, lambda: _check_probe(corpus, manifest))
        if corpus.files.exists(corpus.layout.parity(manifest.encoder)):
            findings.check("parity", manifest.encoder, lambda: _check_parity(corpus, manifest.encoder))
    for entry in manifest.shards:
        said = f"{manifest.encoder} {entry.id} {entry.sha256} {entry.bytes} {entry.rows}"
        if said not in seen:
            seen.add(said)
            findings.check("shard", entry.id, partial(_check_shard, corpus, manifest, entry))
    if len(findings.wrong) == before:
        findings.check("content digest", snapshot, lambda: _check_content(corpus, manifest))


def check_there(corpus: CorpusStore, key: str) -> None:
    """Check that a file is there at all.

    Raises
    ------
    NotFoundError
        If it is not.
    """
    if not corpus.files.exists(key):
        raise NotFoundError("this file is missing", where=str(corpus.files.path(key)))


def _read(corpus: CorpusStore, snapshot: str, where: str) -> SnapshotManifest:
    check_there(corpus, corpus.layout.manifest(snapshot))
    manifest = corpus.manifest(snapshot)
    if manifest.id != snapshot:
        raise IntegrityError(f"this is the manifest of the snapshot {manifest.id}", where=where)
    if snapshot_id(manifest.corpus, manifest.encoder, manifest.content_digest) != snapshot:
        raise IntegrityError("the content digest of this manifest is of another snapshot", where=where)
    return manifest


def _check_probe(corpus: CorpusStore, manifest: SnapshotManifest) -> None:
    path = corpus.files.path(corpus.layout.probe(manifest.encoder))
    if not path.is_file():
        raise IntegrityError("the probe of this encoder is missing", where=str(path))
    stored = read_any_probe(path)
    if stored.encoder != manifest.encoder:
        raise IntegrityError(f"this probe is of encoder {stored.encoder}", where=str(path))
    if stored.dimension != manifest.dimension:
        raise IntegrityError(
            f"this probe has {stored.dimension} dimensions, its encoder {manifest.dimension}", where=str(path)
        )


def _check_parity(corpus: CorpusStore, encoder: str) -> None:
    """Check the record of how an encoder stood to its reference."""
    key = corpus.layout.parity(encoder)
    if read_document(corpus.files, key)["encoder"] != encoder:
        raise IntegrityError("this parity is of another encoder", where=corpus.files.where(key))


def _check_shard(corpus: CorpusStore, manifest: SnapshotManifest, entry: ShardEntry) -> None:
    path = corpus.files.path(corpus.layout.shard(manifest.encoder, entry.id))
    if not path.is_file():
        raise IntegrityError("this shard is missing", where=str(path))
    if path.stat().st_size != entry.bytes:
        found = f"this shard has {path.stat().st_size} bytes, its manifest says {entry.bytes}"
        raise IntegrityError(found + _what_it_is(path, manifest.dimension), where=str(path))
    if sha256_file(path) != entry.sha256:
        found = "the bytes of this shard are not those that were written"
        raise IntegrityError(found + _what_it_is(path, manifest.dimension), where=str(path))
    if not is_shard(pq.read_schema(path), manifest.dimension, chunked=manifest.chunk is not None):
        raise IntegrityError("the columns of this shard are not those of a shard", where=str(path))
    rows = 0
    for batch in read_batches(path, [EMBEDDING], BLOCK_ROWS):
        vectors = vector_rows(batch.column(0))
        rows += len(vectors)
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise IntegrityError("this shard holds a non-finite or zero vector", where=str(path))
    if rows != entry.rows:
        raise IntegrityError(f"this shard has {rows} rows, its manifest says {entry.rows}", where=str(path))


def _what_it_is(path: Path, dimension: int) -> str:
    """Say what a file is that is not the shard it should be, as far as its schema, at its end, tells."""
    try:
        found = pq.read_schema(path)
        stored = found.field(EMBEDDING).type.list_size
    except (pa.ArrowException, OSError, KeyError, AttributeError):
        return ""  # no Parquet file with vectors, which its bytes say already
    if not is_shard(found, stored, chunked=is_chunked(found.names)):
        return ": it is a Parquet file of other columns than a shard's"
    if stored != dimension:
        return f": it is a shard of {stored} dimensions, of another encoder: this one's vectors have {dimension}"
    return f": it is a shard of {dimension} dimensions, as it should be, but another one, or edited"


def _check_content(corpus: CorpusStore, manifest: SnapshotManifest) -> None:
    snapshot = corpus.snapshot(manifest.id)
    where = str(corpus.files.path(corpus.layout.manifest(manifest.id)))
    _check_dropped(snapshot.dropped_path, manifest, where)
    with bounded_connection(DEFAULT) as connection:
        snapshot.register(connection)
        documents = connection.execute("SELECT count(*) FROM snapshot_rows").fetchall()[0][0]
        digest = snapshot_digest(connection)
    if documents != manifest.documents:
        raise IntegrityError(
            f"the shards hold {documents} documents, the manifest says {manifest.documents}", where=where
        )
    if digest != manifest.content_digest:
        raise IntegrityError("the documents do not have the content digest of their manifest", where=where)
    if manifest.keep_text:
        _check_texts(corpus, manifest)


def _check_texts(corpus: CorpusStore, manifest: SnapshotManifest) -> None:
    for entry in manifest.shards:
        path = corpus.files.path(corpus.layout.shard(manifest.encoder, entry.id))
        with bounded_connection(DEFAULT) as connection:
            wrong = connection.execute(load("verify_texts"), {"path": str(path)}).fetchall()[0][0]
        if wrong:
            raise IntegrityError(f"{wrong} texts of this shard do not have their hash", where=str(path))


def _check_dropped(path: Path | None, manifest: SnapshotManifest, where: str) -> None:
    if path is not None and (not path.is_file() or sha256_file(path) != manifest.dropped_sha256):
        raise IntegrityError("the list of dropped rows is missing or changed", where=str(path))
    table = pq.read_table(path) if path is not None else pa.table({"shard": pa.array([], pa.int32())})
    counted = np.bincount(table["shard"].to_numpy(), minlength=len(manifest.shards))
    if counted.tolist() != [entry.dropped for entry in manifest.shards]:
        raise IntegrityError("the dropped rows of a shard are not as many as the manifest says", where=where)
