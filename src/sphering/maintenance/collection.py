"""`sphering gc`: remove what nothing names any more, in an order that leaves a whole store at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sphering.maintenance.marking import Marked, mark
from sphering.run import lease
from sphering.store.corpus import CorpusStore
from sphering.store.layout import MANIFEST, PARITY, PROBE
from sphering.store.lease import check_held

_DAY = 86400.0


@dataclass(frozen=True)
class Collection:
    """What was, or would be, removed: files and bytes by kind; and what is kept."""

    removed: dict[str, dict[str, int]]
    kept: dict[str, int]
    deleted: bool

    def to_json(self) -> dict[str, Any]:
        """Return the collection as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class _Unmarked:
    """A file that nothing needs."""

    kind: str
    key: str


def collect(
    corpus: CorpusStore,
    *,
    keep: int,
    grace_days: float,
    published_days: float = 0.0,
    delete: bool,
    at: float | None = None,
    wait: bool = False,
) -> Collection:
    """Remove what neither a ref, nor a kept release, nor a young run needs.

    Run records, quarantined rows, refs' histories, probes and pins stay: they are small, and they are what an auditor
    reads. What is younger than the grace stays as well, such as the shards of a run that was killed last night.

    Parameters
    ----------
    corpus : CorpusStore
    keep : int
        How many of the releases that each `published` named stay, beside what refs name now.
    grace_days : float
        How old a thing must be to be removed, in days.
    published_days : float, default 0
        What each `published` named so many days ago, or since then, stays: a watch over drift looks back so far, today
        and each day until then.
    delete : bool
        Remove it; else only say what would be removed.
    at : float, optional
        When that is, in seconds; by default what the store's clock says.
    wait : bool
        Where a run works on the corpus, wait for its end.

    Raises
    ------
    LeaseHeldError
        If a run works on the corpus, something is to be removed, and it does not wait.
    LeaseLostError
        If one has taken it since, because this machine slept: nothing is removed beside a run.
    """
    taken = lease.take(corpus, lease.GC, wait=wait) if delete else None
    try:
        moment = corpus.files.now() if at is None else at
        young = moment - grace_days * _DAY
        marked = mark(corpus, keep, young, moment - published_days * _DAY)
        unmarked = [entry for entry in _unmarked(corpus, marked) if corpus.files.modified(entry.key) < young]
        counts, sizes = Counter(entry.kind for entry in unmarked), Counter[str]()
        for entry in unmarked:
            sizes[entry.kind] += corpus.files.size(entry.key)
            if taken is not None:
                check_held(corpus.files, corpus.layout, taken.holder.number)
                corpus.files.remove(entry.key)
    finally:
        if taken is not None:
            taken.release()
    removed = {kind: {"files": counts[kind], "bytes": sizes[kind]} for kind in counts}
    kept = {name: len(getattr(marked, name)) for name in ("releases", "snapshots", "shards", "exports")}
    return Collection(removed, kept, delete)


def _unmarked(corpus: CorpusStore, marked: Marked) -> Iterator[_Unmarked]:
    """Yield files that nothing needs: what names others before what it names."""
    layout = corpus.layout
    for name in corpus.files.children(layout.releases):
        if name not in marked.releases:
            folder = f"{layout.releases}/{name}"
            yield from _files(corpus, "release", folder, first="release.json", keep=marked.withdrawn)
    for kind, folder, names in (
        ("export", layout.exports, marked.exports),
        ("report", layout.reports, marked.reports),
        ("snapshot", layout.snapshots, marked.snapshots),
        ("transform", layout.transforms, marked.transforms.keys()),
        ("evaluation", layout.evaluations, marked.evaluations),
    ):
        for name in corpus.files.children(folder):
            if name not in names:
                yield from _files(corpus, kind, f"{folder}/{name}", first=MANIFEST)
    yield from _stray_lists(corpus, marked)
    for encoder in corpus.files.children(layout.all_shards):
        for name in corpus.files.children(layout.shards(encoder)):
            if not _is_needed(encoder, name, marked):
                yield _Unmarked("shard", f"{layout.shards(encoder)}/{name}")


def keys_of(corpus: CorpusStore, folder: str, *, first: str) -> list[str]:
    """Return the files of a folder in the order in which they are removed: the one that names the others first."""
    return sorted(corpus.files.walk(folder), key=lambda key: not key.endswith(f"/{first}"))


def _files(
    corpus: CorpusStore, kind: str, folder: str, *, first: str, keep: set[str] | frozenset[str] = frozenset()
) -> Iterator[_Unmarked]:
    """Yield the files of a folder, the one that names the others first; that of a kept folder's name stays."""
    stays = folder.rsplit("/", 1)[-1] in keep
    for key in keys_of(corpus, folder, first=first):
        if not (stays and key.endswith(f"/{first}")):
            yield _Unmarked(kind, key)


def _stray_lists(corpus: CorpusStore, marked: Marked) -> Iterator[_Unmarked]:
    """Yield lists of dropped rows beside a manifest that names another, or none: those of runs that were killed."""
    for name in sorted(marked.snapshots):
        sha256 = corpus.manifest(name).dropped_sha256
        own = {corpus.layout.manifest(name), corpus.layout.dropped(name, sha256) if sha256 else None}
        for key in corpus.files.walk(f"{corpus.layout.snapshots}/{name}"):
            if key not in own:
                yield _Unmarked("snapshot", key)


def _is_needed(encoder: str, name: str, marked: Marked) -> bool:
    if name in (PROBE, PARITY):
        return True
    shard, *rest = name.split(".")
    if (encoder, shard) not in marked.shards:
        return False
    return rest == ["parquet"] or rest[0] in marked.moments
