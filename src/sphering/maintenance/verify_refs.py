"""Whether every value of every ref is what was written, none is missing, and what they name is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from sphering.errors import IntegrityError, NotFoundError
from sphering.maintenance.findings import Findings
from sphering.maintenance.successor import PURPOSE
from sphering.store.corpus import CorpusStore
from sphering.store.refs import LATEST, PUBLISHED, RefValue

_PUBLIC = ("published", "unchanged")


@dataclass(frozen=True)
class History:
    """One ref: the keys of its values by their numbers, and the values themselves where they can be read."""

    channel: str
    name: str
    keys: Mapping[int, str]
    values: Mapping[int, RefValue]

    @property
    def label(self) -> str:
        """What messages call the ref."""
        return f"{self.channel}/{self.name}"

    @property
    def numbers(self) -> list[int]:
        """The numbers of its values, oldest first: what each says of itself, or else its file's name."""
        return [self.values[number].number if number in self.values else number for number in self.keys]

    @property
    def whole(self) -> bool:
        """Whether each value can be read, and none is missing before the last."""
        return len(self.values) == len(self.keys) and self.numbers == list(range(1, len(self.keys) + 1))

    def newest(self) -> str | None:
        """Return the release that the ref names now; None where that cannot be read."""
        value = self.values.get(max(self.keys))
        return value.release if value else None

    def withdrawn(self) -> set[str]:
        """Return the releases that its values withdraw."""
        return {value.withdraws for value in self.values.values() if value.withdraws is not None}

    def perhaps_withdrawn(self) -> Iterator[str]:
        """Yield what lost or unreadable values may withdraw: a rollback leaves what the value before it named."""
        for number in range(2, max(self.keys) + 1):
            if number not in self.values and number - 1 in self.values:
                yield self.values[number - 1].release


def read_histories(corpus: CorpusStore) -> list[History]:
    """Return every ref that has a value, its values read where they can be."""
    found = []
    for channel in corpus.refs.channels():
        for name in corpus.files.children(f"{corpus.layout.refs}/{channel}"):
            keys = {int(PurePosixPath(key).stem): key for key in corpus.refs.keys(channel, name)}
            if keys:
                found.append(History(channel, name, keys, _readable(corpus, keys)))
    return found


def _readable(corpus: CorpusStore, keys: Mapping[int, str]) -> dict[int, RefValue]:
    values = {}
    for number, key in keys.items():
        try:
            values[number] = corpus.refs.value(key)
        except (IntegrityError, NotFoundError, TypeError):
            continue
    return values


def withdrawn_releases(histories: Sequence[History]) -> set[str]:
    """Return the releases that rollbacks left and no ref names again, or that a damaged value may have left.

    Of these a collection may have kept release.json alone.
    """
    published = [history for history in histories if history.name == PUBLISHED]
    perhaps = {name for history in published for name in history.perhaps_withdrawn()}
    named = {history.newest() for history in histories}
    return perhaps.union(*(history.withdrawn() for history in published)) - named


def verify_refs(
    findings: Findings, corpus: CorpusStore, histories: Sequence[History], records: Iterable[Mapping[str, Any]]
) -> None:
    """Look at each value of each ref, at the releases that they name, and for publications that no value names.

    Of the releases that a ref named before, those that no rollback left may be collected.

    Parameters
    ----------
    records : iterable of dict
        Of runs, as they were read.
    """
    for history in histories:
        findings.count("ref")
        _look_at_values(findings, corpus, history)
    _look_for_releases(findings, corpus, histories)
    _look_for_publications(findings, corpus, histories, records)


def _look_at_values(findings: Findings, corpus: CorpusStore, history: History) -> None:
    for number, key in history.keys.items():
        if number not in history.values:
            where = str(corpus.files.path(key))
            findings.look("ref", history.label, partial(corpus.refs.value, key), where)
    expected = list(range(1, len(history.keys) + 1))
    if history.numbers != expected:
        found = f"the values of this ref are numbered {history.numbers}, not 1 to {len(expected)}"
        findings.note("ref", history.label, found, _folder(corpus, history.channel, history.name))


def _look_for_releases(findings: Findings, corpus: CorpusStore, histories: Iterable[History]) -> None:
    """Note each release.json that has to be there and is not; one that is there was looked at by itself."""
    needed: dict[str, str] = {}
    for history in histories:
        needed |= dict.fromkeys(history.withdrawn(), f"a rollback of {history.channel!r} withdrew it")
        if newest := history.newest():
            needed[newest] = f"{history.label} names it"
    for name, why in sorted(needed.items()):
        if not corpus.has_release(name):
            findings.count("release")
            where = str(corpus.files.path(corpus.layout.release(name)))
            findings.note("release", name, f"this release is missing, though {why}", where)


def _look_for_publications(
    findings: Findings, corpus: CorpusStore, histories: Iterable[History], records: Iterable[Mapping[str, Any]]
) -> None:
    """Note each release that a run's record says it moved a ref to, or found there, and that no value of the ref names.

    A value that was lost at the end leaves no gap. Where a history is not whole, that is its finding.
    """
    found = {(history.channel, history.name): history for history in histories}
    named = {ref: {value.release for value in history.values.values()} for ref, history in found.items()}
    damaged = {ref for ref, history in found.items() if not history.whole}
    lost: dict[tuple[str, str, str], str] = {}
    for record in records:
        for ref in _moved(record):
            if ref not in damaged and record["release"] not in named.get(ref, ()):
                lost.setdefault((*ref, str(record["release"])), str(record["run"]))
    for (channel, name, release), run in lost.items():
        did = "published" if name == PUBLISHED else "ended in"
        said = f"the run {run} {did} the release {release}, and no value of the ref names it"
        findings.note("ref", f"{channel}/{name}", said, _folder(corpus, channel, name))


def _moved(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (channel, ref) of what names a run's release since; a purge leaves its record before it moves any."""
    if record.get("purpose") == PURPOSE or not record.get("release"):
        return
    channel = record.get("config", {}).get("run", {}).get("channel", "main")
    yield channel, LATEST
    if record.get("release_status") in _PUBLIC:
        yield channel, PUBLISHED


def _folder(corpus: CorpusStore, channel: str, name: str) -> str:
    return str(corpus.files.path(corpus.layout.ref(channel, name)))
