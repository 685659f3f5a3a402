"""Whether the configured model is there and can be opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sphering.doctor.finding import Finding
from sphering.errors import SpheringError
from sphering.store.store import Store

if TYPE_CHECKING:
    from sphering.config.model import Config


def check(config: Config) -> Iterator[Finding]:
    """Find the model, open it under the backend that a run would take, and encode one text where it encodes any."""
    try:
        yield Finding("model", "ok", _describe(config))
    except SpheringError as error:
        yield Finding("model", "fails", error.found, error.remedy or "see docs/encoders.md")


def _describe(config: Config) -> str:
    from sphering.encoder import open_encoder
    from sphering.encoder.look_up import LookUp
    from sphering.run.begin import settle_encoder

    corpus = Store.at(config.store).corpus(config.corpus)
    identity = settle_encoder(config.encoder, corpus, pin=False)
    encoder = open_encoder(identity, config.encoder)
    if isinstance(encoder, LookUp):
        encoder.smallest_hashes(1)
        limit = "the texts of its files"
    else:
        encoder.encode(["The quick brown fox."], "document")
        limit = f"{encoder.max_length} tokens" if encoder.max_length else "texts of any length"
    return (
        f"{config.encoder.name}: encoder {identity.id}, backend {identity.backend}, "
        f"{encoder.dimension} dimensions, {limit}"
    )
