"""`sphering purge`: erase documents from a corpus and its history, as law may demand.

The one command that breaks immutability. First the documents are put on a tombstone, so that no run takes them in
again; then what refs name is made again without them and the refs move; only then is anything removed. A purge that was
killed is begun again with the same ids and ends the same.
"""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sphering.catalog.rebuild import rebuild
from sphering.errors import EmptyCorpusError, InputError
from sphering.identity import short_id
from sphering.maintenance.collection import keys_of
from sphering.maintenance.erasure import (
    Rewritten,
    Successor,
    evaluations_of_erased,
    rewrite_shard,
    shards_with,
    succeed,
)
from sphering.maintenance.silence import clean_quarantine, quarantined_rows, silence_records
from sphering.maintenance.successor import PURPOSE, check_makeable, make_successor
from sphering.run import lease
from sphering.run.workspace import remove_dead
from sphering.store.clock import now
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document, to_bytes
from sphering.store.layout import MANIFEST
from sphering.store.refs import NAMES, PUBLISHED, Reason
from sphering.store.release import Release
from sphering.store.store import Store


@dataclass(frozen=True)
class Purged:
    """What a purge did: ids given, what was rewritten or deleted, and which release took each one's place."""

    ids: int
    counts: dict[str, int]
    successors: dict[str, str]
    tombstone: str

    def to_json(self) -> dict[str, Any]:
        """Return the purge as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Erasure:
    """Why documents are erased, and the tombstone that says which."""

    why: str
    tombstone: str


def purge(corpus: CorpusStore, ids: Sequence[str], why: str) -> Purged:
    """Erase documents by their ids.

    Raises
    ------
    EmptyCorpusError
        If a release that a ref names would have no document left; nothing is erased then.
    InputError
        If no id is given, or what takes the place of a published release fails its gates.
    LeaseHeldError
        If a run works on the corpus.
    """
    wanted = sorted(set(ids))
    if not wanted:
        raise InputError("no id is given", expected="one id a line, or a Parquet file with the column doc_id")
    taken = lease.take(corpus, lease.PURGE, wait=False)
    try:
        return _purge(corpus, wanted, why)
    finally:
        taken.release()


def _purge(corpus: CorpusStore, ids: list[str], why: str) -> Purged:
    corpus.files.remove_dead_temporaries()
    remove_dead(corpus.files.working(corpus.layout.scratch))
    erased = pa.array(ids, pa.string())
    held = shards_with(corpus, erased)
    stale = held.shards
    rewritten = {shard: rewrite_shard(corpus, encoder, shard, erased) for encoder, shard in stale}
    snapshots = _successors(corpus, rewritten)
    _refuse_empty(corpus, snapshots)
    gone = {name for name, after in snapshots.items() if after.erased}
    leaving = _Leaving.of(corpus, gone)
    _check_makeable(corpus, gone)
    runs = corpus.files.children(corpus.layout.runs)
    quarantined = {run: count for run in runs if (count := quarantined_rows(corpus, run, erased)) is not None}
    counts = {
        "documents": held.documents,
        "shards": len(stale),
        "snapshots": len(gone),
        "releases": len(leaving.releases),
        "exports": len(leaving.exports),
        "quarantined": sum(quarantined.values()),
    }
    tombstone = _create_tombstone(corpus, ids, why, counts)
    successors = _replace_releases(corpus, snapshots, gone, Erasure(why, tombstone))
    for name in snapshots.keys() - gone:
        _write_manifest(corpus, snapshots[name], replace=True)
    _delete(corpus, leaving, gone)
    for encoder in {encoder for encoder, _ in stale}:
        _remove_moments(corpus, encoder)
    for encoder, shard in stale:
        corpus.files.remove(corpus.layout.shard(encoder, shard))
    for run in quarantined:
        clean_quarantine(corpus, run, erased)
    silence_records(corpus, ids)
    rebuild(Store(corpus.files))
    return Purged(len(ids), counts, successors, tombstone)


def _successors(corpus: CorpusStore, rewritten: Mapping[str, Rewritten]) -> dict[str, Successor]:
    """Return what each snapshot that names a rewritten shard becomes."""
    found = {}
    for name in corpus.snapshot_ids():
        if any(entry.id in rewritten for entry in corpus.manifest(name).shards):
            found[name] = succeed(corpus, corpus.snapshot(name), rewritten, PURPOSE)
    return found


def _refuse_empty(corpus: CorpusStore, snapshots: Mapping[str, Successor]) -> None:
    for channel, name, release in _named(corpus):
        after = snapshots.get(corpus.release(release).snapshot)
        if after is not None and not after.manifest.documents:
            raise EmptyCorpusError(
                f"{channel}/{name} would have no document left",
                expected="at least one document in each release that a ref names",
                remedy="remove the whole store, or publish another release first",
            )


def _check_makeable(corpus: CorpusStore, gone: Set[str]) -> None:
    """Read what the releases that are made again are made from, before anything is written."""
    for name in sorted({release for _, _, release in _named(corpus)}):
        release = corpus.release(name)
        if release.snapshot in gone:
            check_makeable(corpus, release)


def _named(corpus: CorpusStore) -> list[tuple[str, str, str]]:
    """Return (channel, ref, release) of all refs, each `published` before its `latest`."""
    refs = [(channel, name) for channel in corpus.refs.channels() for name in sorted(NAMES, reverse=True)]
    values = [(channel, name, corpus.refs.read(channel, name)) for channel, name in refs]
    return [(channel, name, value.release) for channel, name, value in values if value is not None]


def _hash(doc_id: str) -> str:
    return hashlib.sha256(doc_id.encode()).hexdigest()


def _create_tombstone(corpus: CorpusStore, ids: Sequence[str], why: str, counts: Mapping[str, int]) -> str:
    """Say how much was erased, when, by whom and why, and which ids, by their hashes; return the tombstone's id."""
    hashes = [_hash(value) for value in ids]
    document = {"ids": hashes, "counts": dict(counts), "why": why, "who": getpass.getuser(), "at": now()}
    name = short_id(document)
    create_document(corpus.files, corpus.layout.tombstone(name), document)
    return name


def _replace_releases(
    corpus: CorpusStore, snapshots: Mapping[str, Successor], gone: Set[str], erasure: Erasure
) -> dict[str, str]:
    """Make each release again that a ref names and that holds an erased document, and move the refs there."""
    successors: dict[str, Release] = {}
    for channel, name, old in _named(corpus):
        release = corpus.release(old)
        if release.snapshot not in gone:
            continue
        if old not in successors:
            after = snapshots[release.snapshot]
            _write_manifest(corpus, after, replace=False)
            successors[old] = make_successor(corpus, release, after.manifest, erasure.tombstone)
        made = successors[old]
        if name == PUBLISHED and not made.passed:
            raise InputError(
                f"the release {made.id}, which takes the place of {old}, is held by its gates",
                expected="a release that passes, since it is published",
                remedy="change the gate, run once, then purge again: no run takes the documents in until then",
            )
        expected = corpus.refs.read(channel, name)
        reason = Reason(getpass.getuser(), f"purge: {erasure.why}", made.run)
        corpus.refs.move(channel, name, made.id, expected=expected, reason=reason)
    return {old: made.id for old, made in successors.items()}


def _write_manifest(corpus: CorpusStore, after: Successor, *, replace: bool) -> None:
    manifest = after.manifest
    if after.dropped is not None and manifest.dropped_sha256 is not None:
        corpus.files.create(corpus.layout.dropped(manifest.id, manifest.dropped_sha256), after.dropped)
    if replace:
        corpus.files.replace(corpus.layout.manifest(manifest.id), to_bytes(manifest.to_json()))
    else:
        corpus.create_manifest(manifest)


@dataclass(frozen=True)
class _Leaving:
    """What goes with snapshots: their releases, exports and reports."""

    releases: tuple[str, ...]
    exports: frozenset[str]
    reports: frozenset[str]

    @classmethod
    def of(cls, corpus: CorpusStore, gone: Set[str]) -> _Leaving:
        """Find them by the snapshot that each names: also those that no release names, of a run that was killed."""
        layout, staying = corpus.layout, set(corpus.snapshot_ids()) - gone
        releases = [name for name in corpus.release_ids() if corpus.release(name).snapshot in gone]
        exports = {name: layout.export_manifest(name) for name in corpus.files.children(layout.exports)}
        reports = {name: layout.report(name) for name in corpus.files.children(layout.reports)}
        return cls(
            tuple(releases),
            frozenset(name for name, key in exports.items() if _snapshot_named(corpus, key) not in staying),
            frozenset(name for name, key in reports.items() if _snapshot_named(corpus, key) in gone),
        )


def _snapshot_named(corpus: CorpusStore, key: str) -> str | None:
    """Return the snapshot that a report, or an export's manifest, is of; None where it was removed before its files."""
    if not corpus.files.exists(key):
        return None
    named = read_document(corpus.files, key)["snapshot"]
    return str(named["id"] if isinstance(named, Mapping) else named)


def _delete(corpus: CorpusStore, leaving: _Leaving, gone: Set[str]) -> None:
    """Delete what holds erased documents, what names other things first.

    Of a withdrawn release the file stays that says so: it holds no document.
    """
    withdrawn = corpus.refs.all_withdrawn()
    for name in leaving.releases:
        if name in withdrawn:
            corpus.files.remove(corpus.layout.page(name))
        else:
            _remove_folder(corpus, f"{corpus.layout.releases}/{name}", first="release.json")
    for name in leaving.exports:
        _remove_folder(corpus, corpus.layout.export(name), first=MANIFEST)
    for name in leaving.reports:
        corpus.files.remove(corpus.layout.report(name))
    for name in evaluations_of_erased(corpus, set(corpus.snapshot_ids()) - gone):
        _remove_folder(corpus, corpus.layout.evaluation(name), first=MANIFEST)
    for name in gone:
        _remove_folder(corpus, f"{corpus.layout.snapshots}/{name}", first=MANIFEST)


def _remove_folder(corpus: CorpusStore, folder: str, *, first: str) -> None:
    """Remove the files of a folder, the one that names the others first."""
    for key in keys_of(corpus, folder, first=first):
        corpus.files.remove(key)


def _remove_moments(corpus: CorpusStore, encoder: str) -> None:
    """Remove the sums over vectors, those of erased documents among them; a run makes what it needs of them again."""
    folder = corpus.layout.shards(encoder)
    for name in corpus.files.children(folder):
        if name.endswith(".moments"):
            corpus.files.remove(f"{folder}/{name}")
