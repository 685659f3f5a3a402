"""What a run says where its encoder is not that of the base: its vectors never mix with those, so all are new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.differing import differing_words
from sphering.encoder.protocol import EncoderIdentity
from sphering.store.corpus import CorpusStore


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
