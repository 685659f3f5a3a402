"""Whether the configured model is there and can be opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sphering.doctor.finding import Finding
from sphering.errors import SpheringError

if TYPE_CHECKING:
    from sphering.config.model import Config


def check(config: Config) -> Iterator[Finding]:
    """Find the model, open it and encode one text."""
    try:
        yield Finding("model", "ok", _describe(config))
    except SpheringError as error:
        yield Finding("model", "fails", error.found, error.remedy or "see docs/encoders.md")


def _describe(config: Config) -> str:
    from sphering.encoder import identify, open_encoder, resolve_backend

    settings = config.encoder
    backend = settings.kind if settings.kind != "sentence-transformers" else settings.backend
    identity = identify(settings, resolve_backend(settings) if backend == "auto" else backend)
    encoder = open_encoder(identity, settings)
    encoded = encoder.encode(["The quick brown fox."], "document")
    limit = f"{encoder.max_length} tokens" if encoder.max_length else "texts of any length"
    return f"{settings.model}: encoder {identity.id}, {encoded.vectors.shape[1]} dimensions, {limit}"
