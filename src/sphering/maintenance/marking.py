"""What of a corpus is still needed: the releases that refs name or named lately, young runs, what these name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sphering.config.model import DOCUMENTS, TEXTS
from sphering.errors import IntegrityError, NotFoundError
from sphering.run.fit import read_transform
from sphering.run.kept_moments import moments_id, stretches
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.layout import MANIFEST
from sphering.store.manifest import SnapshotManifest
from sphering.store.refs import PUBLISHED
from sphering.store.release import Release

Record = dict[str, Any]


@dataclass
class Marked:
    """The ids of what stays. A withdrawn release stays as its release.json alone: it says what no run may publish."""

    releases: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    snapshots: set[str] = field(default_factory=set)
    transforms: dict[str, str] = field(default_factory=dict)
    reports: set[str] = field(default_factory=set)
    exports: set[str] = field(default_factory=set)
    evaluations: set[str] = field(default_factory=set)
    shards: set[tuple[str, str]] = field(default_factory=set)
    moments: set[str] = field(default_factory=set)


def mark(corpus: CorpusStore, keep: int, young: float, published_since: float) -> Marked:
    """Mark what is needed.

    Parameters
    ----------
    corpus : CorpusStore
    keep : int
        The newest releases that each `published` named, beside those that refs name now.
    young : float
        What was written after this time, in seconds by the store's clock, stays whatever names it.
    published_since : float
        What `published` named at this time, in seconds, or since then.
    """
    marked = Marked(withdrawn=corpus.refs.all_withdrawn())
    records = _young_runs(corpus, young)
    lately = datetime.fromtimestamp(published_since, UTC)
    published = (name for channel in corpus.refs.channels() for name in _published(corpus, channel, keep, lately))
    named = {*corpus.refs.named(), *(name for name in published if not is_collected(corpus, name, marked.withdrawn))}
    for release in {*named, *_young_releases(corpus, records, young)}:
        _mark_release(marked, corpus.release(release))
    marked.snapshots |= set(_young_snapshots(corpus, records, young))
    encoders, weights = set(), _weight_columns(corpus, marked.transforms)
    for snapshot in sorted(marked.snapshots):
        manifest = corpus.manifest(snapshot)
        encoders.add(manifest.encoder)
        marked.shards |= {(manifest.encoder, entry.id) for entry in manifest.shards}
        marked.moments |= set(_moments_of(manifest, marked.transforms.values(), weights))
    marked.evaluations = {*_evaluations_named(corpus, marked.reports), *_evaluations_of(corpus, encoders)}
    return marked


def _mark_release(marked: Marked, release: Release) -> None:
    marked.releases.add(release.id)
    marked.snapshots.add(release.snapshot)
    marked.transforms[release.transform] = release.transform_sha256
    marked.reports.add(release.report)
    marked.exports |= {entry.id for entry in release.exports}


def _weight_columns(corpus: CorpusStore, transforms: Iterable[str]) -> set[str]:
    """Return the columns by whose weights transforms were fitted; of one that is lost or damaged none is known."""
    found = set()
    for name in transforms:
        with suppress(NotFoundError, IntegrityError):
            found.add(read_transform(corpus, name).parameters.get("weights", DOCUMENTS))
    return found - {DOCUMENTS, TEXTS}


def _moments_of(manifest: SnapshotManifest, transforms: Iterable[str], weights: Iterable[str]) -> Iterator[str]:
    """Yield the moments that a run over a snapshot would read: raw, under transforms, and by columns' weights."""
    named = [stretch.shards(manifest) for stretch in stretches(manifest) if stretch.long]
    for transform in (None, *transforms):
        yield from (moments_id(shards, transform) for shards in named)
    for column in weights:
        yield from (moments_id(shards, None, column) for shards in named)


def _published(corpus: CorpusStore, channel: str, keep: int, since: datetime) -> Iterator[str]:
    """Yield what a `published` named that is still there and not withdrawn: the newest ones, and all since a time."""
    left = corpus.refs.withdrawn(channel)
    named = dict.fromkeys(value.release for value in reversed(corpus.refs.history(channel, PUBLISHED)))
    yield from [name for name in named if name not in left and corpus.has_release(name)][:keep]
    lately = {value.release for value in corpus.refs.since(channel, PUBLISHED, since)}
    yield from [name for name in lately if name not in left and corpus.has_release(name)]


def _young_releases(corpus: CorpusStore, records: Sequence[Record], young: float) -> Iterator[str]:
    """Yield the releases that were made, or ended in, after a time."""
    for name in corpus.release_ids():
        if corpus.files.modified(corpus.layout.release(name)) >= young and not is_collected(corpus, name):
            yield name
    for record in records:
        made = record.get("release")
        if made and corpus.has_release(made) and not is_collected(corpus, made):
            yield made


def _young_snapshots(corpus: CorpusStore, records: Sequence[Record], young: float) -> Iterator[str]:
    """Yield the snapshots that were made, or ended in, after a time."""
    ended = {record.get("snapshot") for record in records}
    for name in corpus.snapshot_ids():
        if name in ended or corpus.files.modified(corpus.layout.manifest(name)) >= young:
            yield name


def _young_runs(corpus: CorpusStore, young: float) -> list[Record]:
    records = corpus.run_records()
    return [record for record in records if corpus.files.modified(corpus.layout.run(record["run"])) >= young]


def is_collected(corpus: CorpusStore, release: str, withdrawn: Set[str] | None = None) -> bool:
    """Return whether of a withdrawn release only release.json is kept: an export's manifest or its report is gone.

    A collection removes them before what they were made from, and each makes the release one of which parts are gone.
    Its page says nothing, as it is derived.

    Parameters
    ----------
    withdrawn : set of str, optional
        The releases that rollbacks left; by default they are read.
    """
    if release not in (corpus.refs.all_withdrawn() if withdrawn is None else withdrawn):
        return False
    return not is_whole(corpus, corpus.release(release))


def is_whole(corpus: CorpusStore, release: Release) -> bool:
    """Return whether a release has its report and its exports' manifests: the first of its parts that gc removes."""
    parts = [corpus.layout.report(release.report), *(f"{entry.path}/{MANIFEST}" for entry in release.exports)]
    return all(map(corpus.files.exists, parts))


def _evaluations_named(corpus: CorpusStore, reports: set[str]) -> Iterator[str]:
    for key in map(corpus.layout.report, reports):
        if corpus.files.exists(key) and (measured := read_document(corpus.files, key)["evaluation"]) is not None:
            yield measured["evaluation"]


def _evaluations_of(corpus: CorpusStore, encoders: set[str]) -> Iterator[str]:
    """Yield evaluations of living encoders but those of halves: the texts of these change with the documents."""
    for name in corpus.files.children(corpus.layout.evaluations):
        key = corpus.layout.evaluation_manifest(name)
        document = read_document(corpus.files, key) if corpus.files.exists(key) else {}
        if document.get("encoder") in encoders and "halves" not in document.get("parts", {}):
            yield name
