"""Move `published` by hand: to a release that passed its gates, or back from one that should not be there."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from sphering.errors import InputError, NotFoundError
from sphering.maintenance.marking import is_whole
from sphering.run import lease
from sphering.run.page import leave_page, render_page
from sphering.store.corpus import CorpusStore
from sphering.store.refs import LATEST, PUBLISHED, Reason, RefValue
from sphering.store.release import Release


@dataclass(frozen=True)
class Publication:
    """Where `published` stood and stands; `left` is the release before, `moved` whether the ref changed."""

    channel: str
    release: str
    left: str | None
    moved: bool

    def to_json(self) -> dict[str, str | bool | None]:
        """Return the publication as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def publish(corpus: CorpusStore, channel: str, release: Release, why: str) -> Publication:
    """Point a channel's `published` at a release.

    Raises
    ------
    InputError
        If the release is held by its gates, was withdrawn from this channel, or was collected; nothing moves.
    RefMovedError
        If the ref moved meanwhile.
    LeaseHeldError
        If a collection or a purge works on the corpus: it may remove the release.
    """
    before = corpus.refs.read(channel, PUBLISHED)
    if before is not None and before.release == release.id:
        return Publication(channel, release.id, release.id, moved=False)
    with lease.nothing_removed(corpus, "publish"):
        _check_publishable(corpus, channel, corpus.release(release.id))
        corpus.refs.move(channel, PUBLISHED, release.id, expected=before, reason=Reason(getpass.getuser(), why))
        left = before.release if before else None
        _turn_pages(corpus, release.id, before)
    return Publication(channel, release.id, left, moved=True)


def rollback(corpus: CorpusStore, channel: str, why: str) -> Publication:
    """Withdraw what a channel publishes, and point both of its refs at the newest release before it that stands.

    Raises
    ------
    NotFoundError
        If nothing is published, or nothing that was published before still stands.
    RefMovedError
        If the ref moved meanwhile.
    LeaseHeldError
        If a collection or a purge works on the corpus: it may remove the release.
    """
    with lease.nothing_removed(corpus, "rollback"):
        return _roll_back(corpus, channel, why)


def _roll_back(corpus: CorpusStore, channel: str, why: str) -> Publication:
    history = corpus.refs.history(channel, PUBLISHED)
    if not history:
        raise NotFoundError(f"the channel {channel!r} publishes nothing", remedy="there is nothing to roll back")
    current = history[-1]
    target = _newest_standing(corpus, channel, history)
    who = getpass.getuser()
    latest = corpus.refs.read(channel, LATEST)
    if latest is None or latest.release != target:  # first: killed between the two, the same rollback is typed again
        corpus.refs.move(channel, LATEST, target, expected=latest, reason=Reason(who, f"rollback: {why}"))
    corpus.refs.move(channel, PUBLISHED, target, expected=current, reason=Reason(who, why, withdraws=current.release))
    _turn_pages(corpus, target, current, latest)
    return Publication(channel, target, current.release, moved=True)


def _newest_standing(corpus: CorpusStore, channel: str, history: list[RefValue]) -> str:
    """Return the newest release of a history that neither is the one to be withdrawn, nor serves as one withdrawn."""
    leaving = corpus.release(history[-1].release)
    for value in reversed(history[:-1]):
        if not corpus.has_release(value.release):  # collected since
            continue
        release = corpus.release(value.release)
        if is_whole(corpus, release) and not release.serves_as(leaving) and not corpus.is_withdrawn(channel, release):
            return release.id
    raise NotFoundError(
        f"no release before {leaving.id} still stands in the channel {channel!r}",
        expected="an earlier release that was published and not withdrawn",
        where=corpus.files.where(),
        remedy="`sphering publish SNAPSHOT` publishes another release that passed its gates",
    )


def _check_publishable(corpus: CorpusStore, channel: str, release: Release) -> None:
    if not release.passed:
        failed = ", ".join(gate.metric for gate in release.gates if not gate.passed and gate.severity == "fail")
        raise InputError(
            f"the release {release.id} is held by its gates: {failed}",
            expected="a release that passed its gates",
            remedy="mend the corpus, or change the gate, and run again",
        )
    if release.id in corpus.refs.withdrawn(channel):
        raise InputError(
            f"the release {release.id} was withdrawn from the channel {channel!r}",
            expected="a release that no rollback left",
            remedy="make a new release with `sphering run`, `fit` or `export`, then publish that",
        )
    if not is_whole(corpus, release):
        raise InputError(
            f"of the release {release.id} a collection has left release.json alone",
            expected="a release with its report and its exports",
            where=corpus.files.where(corpus.layout.release(release.id)),
            remedy="make a new release with `sphering run`, `fit` or `export`, then publish that",
        )


def _turn_pages(corpus: CorpusStore, entered: str, *left: RefValue | None) -> None:
    render_page(corpus, corpus.release(entered))
    for name in sorted({value.release for value in left if value is not None} - {entered}):
        leave_page(corpus, name)
