"""What a channel published some days ago, or the nearest to it that may still be compared with what it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sphering.errors import NotFoundError
from sphering.maintenance.marking import is_whole
from sphering.store.corpus import CorpusStore, Found
from sphering.store.refs import PUBLISHED, RefValue

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Earlier:
    """Two values of `published`: `then` and `now`; `days` is how long ago `then` was the newest one, at most.

    `wanted` is what was published at the time that was asked for; `why` says where `then` is another, else it is None.
    `standing` is for how many days `now` has been published.
    """

    then: RefValue
    now: RefValue
    wanted: RefValue | None
    days: float
    standing: float
    why: str | None


def published_before(corpus: CorpusStore, channel: str, days: float, at: datetime | None = None) -> Earlier:
    """Return what a channel publishes and what it published `days` ago.

    Where that was collected, or was made by another encoder, or nothing was published yet, it is the oldest value since
    that still stands and has the encoder of today: vectors of two encoders cannot be compared for drift.

    Parameters
    ----------
    at : datetime, optional
        The time from which is counted; by default now.

    Raises
    ------
    NotFoundError
        If the channel publishes nothing.
    """
    today = at or datetime.now(UTC)
    moment = today - timedelta(days=days)
    values = corpus.refs.since(channel, PUBLISHED, moment)
    if not values:
        raise NotFoundError(
            f"the channel {channel!r} of the corpus {corpus.name!r} publishes nothing yet",
            where=corpus.files.where(),
            remedy="`sphering run` publishes a first release; a held one is `latest` but not `published`",
        )
    wanted = values[0] if datetime.fromisoformat(values[0].at) <= moment else None
    encoder = corpus.release(values[-1].release).encoder
    then = next((value for value in values if _stands(corpus, value, encoder)), values[-1])
    since = max(datetime.fromisoformat(then.at), moment)
    standing = today - datetime.fromisoformat(values[-1].at)
    return Earlier(then, values[-1], wanted, (today - since) / _DAY, standing / _DAY, _why(corpus, wanted, then, days))


def found(corpus: CorpusStore, value: RefValue) -> Found:
    """Return the release that a ref named, with its snapshot's manifest."""
    return corpus.find(value.release)


def _stands(corpus: CorpusStore, value: RefValue, encoder: str) -> bool:
    if not corpus.has_release(value.release):
        return False
    release = corpus.release(value.release)
    return release.encoder == encoder and is_whole(corpus, release)


def _why(corpus: CorpusStore, wanted: RefValue | None, then: RefValue, days: float) -> str | None:
    if wanted is not None and wanted.number == then.number:
        return None
    if wanted is None:
        return f"nothing was published yet {days:g} days ago"
    gone = not corpus.has_release(wanted.release) or not is_whole(corpus, corpus.release(wanted.release))
    state = "was collected since" if gone else "is of another encoder"
    return f"the release {wanted.release} of {days:g} days ago {state}"
