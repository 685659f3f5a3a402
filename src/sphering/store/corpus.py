"""One corpus of a store: its snapshots, releases, transforms, refs and runs, read and created."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sphering.errors import NotFoundError
from sphering.store.documents import create_document, read_document
from sphering.store.files import Files
from sphering.store.layout import Layout
from sphering.store.manifest import SnapshotManifest
from sphering.store.refs import LATEST, NAMES, PUBLISHED, Refs
from sphering.store.release import Release

if TYPE_CHECKING:
    from sphering.store.snapshot import Snapshot

_SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Found:
    """What a selector names: a release with its snapshot's manifest, or a snapshot that no release was made of."""

    release: Release | None
    manifest: SnapshotManifest


class CorpusStore:
    """Everything that a store has of one corpus."""

    def __init__(self, files: Files, name: str) -> None:
        self.files = files
        self.name = name
        self.layout = Layout(name)
        self.refs = Refs(files, self.layout)

    def snapshot_ids(self) -> list[str]:
        """Return the ids of all committed snapshots."""
        names = self.files.children(self.layout.snapshots)
        return [name for name in names if self.files.exists(self.layout.manifest(name))]

    def release_ids(self) -> list[str]:
        """Return the ids of all committed releases."""
        names = self.files.children(self.layout.releases)
        return [name for name in names if self.files.exists(self.layout.release(name))]

    def run_records(self) -> list[dict[str, Any]]:
        """Return all run records, oldest first."""
        return list(self.newest_runs())[::-1]

    def newest_runs(self) -> Iterator[dict[str, Any]]:
        """Yield run records, newest first, each read when it is asked for."""
        for name in reversed(self.files.children(self.layout.runs)):
            if self.files.exists(self.layout.run(name)):
                yield read_document(self.files, self.layout.run(name))

    def run_record(self, run: str) -> dict[str, Any] | None:
        """Return a run's record, or None where it was killed before it left one."""
        key = self.layout.run(run)
        return read_document(self.files, key) if self.files.exists(key) else None

    def purged(self) -> frozenset[bytes]:
        """Return the SHA-256 of the ids of all documents that were erased: no run takes them in again."""
        keys = (f"{self.layout.tombstones}/{name}" for name in self.files.children(self.layout.tombstones))
        return frozenset(bytes.fromhex(value) for key in keys for value in read_document(self.files, key)["ids"])

    def manifest(self, snapshot: str) -> SnapshotManifest:
        """Return a snapshot's manifest, its seal checked."""
        return SnapshotManifest.from_json(read_document(self.files, self.layout.manifest(snapshot)))

    def snapshot(self, snapshot: str) -> Snapshot:
        """Return a reader of a snapshot."""
        from sphering.store.snapshot import Snapshot  # NumPy and PyArrow, which a list of snapshots does without

        manifest = self.manifest(snapshot)
        paths = [self.files.path(self.layout.shard(manifest.encoder, entry.id)) for entry in manifest.shards]
        gone = manifest.dropped_sha256
        dropped = self.files.path(self.layout.dropped(snapshot, gone)) if gone else None
        return Snapshot(manifest, paths, dropped)

    def release(self, release: str) -> Release:
        """Return a release, its seal checked."""
        return Release.from_json(read_document(self.files, self.layout.release(release)))

    def has_release(self, release: str) -> bool:
        """Return whether a release that a ref once named is still there."""
        return self.files.exists(self.layout.release(release))

    def create_release(self, release: Release) -> bool:
        """Commit a release; return whether this call created it."""
        return create_document(self.files, self.layout.release(release.id), release.to_json())

    def create_manifest(self, manifest: SnapshotManifest) -> bool:
        """Commit a snapshot; return whether this call created it."""
        return create_document(self.files, self.layout.manifest(manifest.id), manifest.to_json())

    def is_withdrawn(self, channel: str, release: Release) -> bool:
        """Return whether a rollback of the channel left this release, or one that serves as the same."""
        left = self.refs.withdrawn(channel)
        return release.id in left or any(release.serves_as(self.release(name)) for name in left)

    def find_release(self, selector: str) -> Release:
        """Return the release that a selector names: a ref (`published`, `main/latest`), an id, or a unique prefix.

        A snapshot's id gives the newest release of that snapshot.

        Raises
        ------
        NotFoundError
            If nothing, or more than one thing, goes by that name.
        """
        if selector in NAMES or "/" in selector:
            return self.release(self._ref_target(selector))
        if len(selector) < _SHORTEST_PREFIX:
            raise NotFoundError(f"{selector!r} is too short for an id", expected="a ref, or at least 4 hex digits")
        releases = _fitting(self.release_ids(), selector)
        if len(releases) == 1:
            return self.release(releases[0])
        of_snapshot = [self.release(name) for name in self.release_ids()]
        of_snapshot = [release for release in of_snapshot if release.snapshot.startswith(selector)]
        if not releases and len({release.snapshot for release in of_snapshot}) == 1:
            return max(of_snapshot, key=lambda release: release.created_at)
        raise self._not_found(selector, releases or sorted({release.snapshot for release in of_snapshot}))

    def find(self, selector: str) -> Found:
        """Return the release that a selector names as in `find_release`, or else the one snapshot with that prefix.

        Raises
        ------
        NotFoundError
            If nothing, or more than one thing, goes by that name.
        """
        try:
            release = self.find_release(selector)
        except NotFoundError:
            bare = self.snapshot_with(selector)
            if bare is None:
                raise
            return Found(None, self.manifest(bare))
        return Found(release, self.manifest(release.snapshot))

    def release_with(self, prefix: str) -> str | None:
        """Return the one release whose id begins so, whether or not it can be read."""
        return _only(_fitting(self.release_ids(), prefix), prefix)

    def snapshot_with(self, prefix: str) -> str | None:
        """Return the one snapshot whose id begins so, whether or not it can be read."""
        return _only(_fitting(self.snapshot_ids(), prefix), prefix)

    def _ref_target(self, selector: str) -> str:
        channel, _, name = selector.rpartition("/")
        value = self.refs.read(channel or "main", name)
        if value is None:
            raise NotFoundError(
                f"the corpus {self.name!r} has no {selector!r} yet",
                expected=", ".join(
                    f"{channel}/{name}" for channel in self.refs.channels() for name in (LATEST, PUBLISHED)
                )
                or "a first run",
                where=self.files.where(),
                remedy="`sphering run` makes a release; a held one is `latest` but not `published`",
            )
        return value.release

    def _not_found(self, selector: str, found: list[str]) -> NotFoundError:
        if found:
            return NotFoundError(f"{selector!r} fits {len(found)} ids: {', '.join(found)}", remedy="give more digits")
        return NotFoundError(
            f"the corpus {self.name!r} has no snapshot or release {selector!r}",
            where=self.files.where(),
            remedy="`sphering snapshots` lists them",
        )


def _fitting(ids: Iterable[str], prefix: str) -> list[str]:
    return [name for name in ids if name.startswith(prefix)]


def _only(found: list[str], prefix: str) -> str | None:
    return found[0] if len(found) == 1 and len(prefix) >= _SHORTEST_PREFIX else None
