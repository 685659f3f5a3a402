"""What a run says where its encoder is not that of the base: its vectors never mix with those, so all are new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.differing import differing_words
from sphering.encoder.protocol import EncoderIdentity
from sphering.errors import IdentityError
from sphering.store.corpus import CorpusStore
from sphering.store.refs import PUBLISHED, RefValue


def encoder_change(corpus: CorpusStore, base: str | None, encoder: EncoderIdentity) -> dict[str, Any] | None:
    """Return the base's encoder, this one and what differs between them; None where they are one, or there is no base.

    Parameters
    ----------
    corpus : CorpusStore
    base : str or None
        The release that `published` names.
    encoder : EncoderIdentity
    """
    if base is None:
        return None
    release = corpus.release(base)
    if release.encoder == encoder.id:
        return None
    before = corpus.manifest(release.snapshot).encoder_document
    return {"before": release.encoder, "after": encoder.id, "differs": differing_words(before, encoder.document)}


def change_words(change: Mapping[str, Any]) -> str:
    """Return a change of encoders as a sentence."""
    return (
        f"the encoder is {change['after']}, the base was made with {change['before']}: no vector of the base is used. "
        f"They differ in {change['differs']}"
    )


def check_not_left(corpus: CorpusStore, channel: str, encoder: EncoderIdentity) -> None:
    """Refuse an encoder from which a channel has moved on: a run with the file of before a migration would undo it.

    A rollback is no such move: it leaves a release and not an encoder, so the runs after it may go on with theirs.

    Raises
    ------
    IdentityError
        If `published` was moved from a release of this encoder to one of another, which it names now.
    """
    history = corpus.refs.history(channel, PUBLISHED)
    encoders = [_encoder_of(corpus, value) for value in history]
    if not history or encoders[-1] == encoder.id or encoder.id not in encoders:
        return
    last = len(encoders) - 1 - encoders[::-1].index(encoder.id)
    left = history[last + 1]
    if left.withdraws is not None:
        return
    raise IdentityError(
        f"the channel {channel!r} has left the encoder {encoder.id}: since {left.at} it publishes releases of "
        f"{encoders[-1]}, and this run would move it back",
        expected=f"the configuration of the release {history[-1].release}",
        where=f"{channel}/{PUBLISHED}",
        remedy="run with the configuration that was migrated to (`sphering deploy --config` gives it to the nightly "
        "deployment); `sphering rollback` goes back to the release before; to begin again with this encoder, "
        "`sphering run --set run.move_back=true`",
    )


def _encoder_of(corpus: CorpusStore, value: RefValue) -> str | None:
    """Return the encoder of a release that a ref named; of a collected one its run's record tells it."""
    if corpus.has_release(value.release):
        return corpus.release(value.release).encoder
    record = corpus.run_record(value.run) if value.run else None
    return None if record is None else record.get("encoder")
