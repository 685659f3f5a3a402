"""`sphering verify`: whether every stored byte is still what was written, and everything adds up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.encoder.probe import read_probe
from sphering.errors import IntegrityError, NotFoundError, SpheringError
from sphering.export.verify import verify_export
from sphering.identity import sha256_bytes, sha256_file
from sphering.run.digest import snapshot_digest
from sphering.run.fit import read_transform, transform_sha256
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.release import Release
from sphering.store.shard import EMBEDDING, ShardEntry, read_batches, schema, vector_rows
from sphering.store.snapshot import BLOCK_ROWS, SnapshotManifest


@dataclass
class Findings:
    """What `verify` looked at and what it found wrong."""

    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[dict[str, str]] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def check(self, kind: str, name: str, look: Callable[[], Any]) -> Any:
        """Count one thing, look at it, and note what its check says is wrong."""
        self.checked[kind] = self.checked.get(kind, 0) + 1
        try:
            return look()
        except (IntegrityError, NotFoundError) as error:
            self.wrong.append({"kind": kind, "name": name, "found": error.found, "where": error.where or ""})
            return None

    def to_json(self) -> dict[str, Any]:
        """Return the findings as plain JSON values."""
        return {"sound": self.sound, "checked": dict(self.checked), "wrong": list(self.wrong)}


def verify(corpus: CorpusStore, selector: str | None = None) -> Findings:
    """Hash every file again and check rows, schema, vectors, sums and digests.

    Parameters
    ----------
    selector : str, optional
        A release (id, prefix or ref); by default every snapshot, release, run and ref of the corpus.
    """
    findings = Findings()
    if selector is not None:
        release = corpus.find_release(selector)
        _snapshot(findings, corpus, release.snapshot, seen=set())
        _release(findings, corpus, release.id)
        return findings
    seen: set[str] = set()
    for snapshot in corpus.files.children(corpus.layout.snapshots):
        _snapshot(findings, corpus, snapshot, seen)
    for release_name in corpus.release_ids():
        _release(findings, corpus, release_name)
    for run in corpus.files.children(corpus.layout.runs):
        key = corpus.layout.run(run)
        if corpus.files.exists(key):
            findings.check("run", run, partial(read_document, corpus.files, key))
    for channel, name in _refs(corpus):
        for value in findings.check("ref", f"{channel}/{name}", partial(corpus.refs.history, channel, name)) or []:
            findings.check("ref", f"{channel}/{name}", partial(corpus.release, value.release))
    return findings


def _refs(corpus: CorpusStore) -> Iterator[tuple[str, str]]:
    for channel in corpus.refs.channels():
        for name in corpus.files.children(f"{corpus.layout.refs}/{channel}"):
            yield channel, name


def _snapshot(findings: Findings, corpus: CorpusStore, snapshot: str, seen: set[str]) -> None:
    manifest = findings.check("snapshot", snapshot, lambda: corpus.manifest(snapshot))
    if manifest is None:
        return
    before = len(findings.wrong)
    if manifest.encoder not in seen:
        seen.add(manifest.encoder)
        findings.check("probe", manifest.encoder, lambda: _check_probe(corpus, manifest.encoder))
    for entry in manifest.shards:
        if entry.id not in seen:
            seen.add(entry.id)
            findings.check("shard", entry.id, partial(_check_shard, corpus, manifest, entry))
    if len(findings.wrong) == before:
        findings.check("content digest", snapshot, lambda: _check_content(corpus, manifest))


def _check_probe(corpus: CorpusStore, encoder: str) -> None:
    stored = read_probe(corpus.files.read(corpus.layout.probe(encoder)))
    if stored.encoder != encoder:
        where = str(corpus.files.path(corpus.layout.probe(encoder)))
        raise IntegrityError(f"this probe is of encoder {stored.encoder}", expected=encoder, where=where)


def _check_shard(corpus: CorpusStore, manifest: SnapshotManifest, entry: ShardEntry) -> None:
    path = corpus.files.path(corpus.layout.shard(manifest.encoder, entry.id))
    if not path.is_file():
        raise IntegrityError("this shard is missing", where=str(path))
    if path.stat().st_size != entry.bytes:
        raise IntegrityError(
            f"this shard has {path.stat().st_size} bytes, its manifest says {entry.bytes}", where=str(path)
        )
    if sha256_file(path) != entry.sha256:
        raise IntegrityError("the bytes of this shard are not those that were written", where=str(path))
    if not pq.read_schema(path).equals(schema(manifest.dimension)):
        raise IntegrityError("the columns of this shard are not those of a shard", where=str(path))
    rows = 0
    for batch in read_batches(path, [EMBEDDING], BLOCK_ROWS):
        vectors = vector_rows(batch.column(0))
        rows += len(vectors)
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise IntegrityError("this shard holds a non-finite or zero vector", where=str(path))
    if rows != entry.rows:
        raise IntegrityError(f"this shard has {rows} rows, its manifest says {entry.rows}", where=str(path))


def _check_content(corpus: CorpusStore, manifest: SnapshotManifest) -> None:
    import duckdb

    snapshot = corpus.snapshot(manifest.id)
    where = str(corpus.files.path(corpus.layout.manifest(manifest.id)))
    _check_dropped(snapshot.dropped_path, manifest, where)
    with duckdb.connect() as connection:
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
    import duckdb

    from sphering.sqltext import load

    for entry in manifest.shards:
        path = corpus.files.path(corpus.layout.shard(manifest.encoder, entry.id))
        with duckdb.connect() as connection:
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


def _release(findings: Findings, corpus: CorpusStore, name: str) -> None:
    release = findings.check("release", name, lambda: corpus.release(name))
    if release is None:
        return
    findings.check("transform", release.transform, lambda: _check_transform(corpus, release))
    key = corpus.layout.report(release.report)
    findings.check("report", release.report, lambda: read_document(corpus.files, key))
    for entry in release.exports:
        findings.check("export", entry.name, partial(_check_export, corpus, entry.path, entry.manifest_sha256))


def _check_transform(corpus: CorpusStore, release: Release) -> None:
    where = str(corpus.files.path(corpus.layout.transform(release.transform)))
    try:
        read_transform(corpus, release.transform)
    except (IntegrityError, NotFoundError):
        raise
    except SpheringError as error:
        raise IntegrityError(f"the transform cannot be read: {error.found}", where=where) from error
    if transform_sha256(corpus, release.transform) != release.transform_sha256:
        raise IntegrityError("the transform is not the one that the release names", where=where)


def _check_export(corpus: CorpusStore, folder: str, manifest_sha256: str) -> None:
    if sha256_bytes(corpus.files.read(f"{folder}/manifest.json")) != manifest_sha256:
        raise IntegrityError("the export's manifest is not the one that the release names", where=folder)
    verify_export(corpus.files, folder)
