"""How a model of sentence-transformers is checked, resolved, identified and opened."""

from __future__ import annotations

from typing import Any

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.kind import EncoderKind, Resolution, TokenRule
from sphering.encoder.protocol import Encoder, EncoderIdentity
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers.backend import resolve
from sphering.encoder.sentence_transformers.identity import identify
from sphering.encoder.tokeniser_file import longest_known_input, tokeniser_file


class SentenceTransformersKind(EncoderKind):
    """A model that sentence-transformers opens."""

    config = SentenceTransformersConfig

    def check(self, config: Any) -> None:
        """Refuse a model that is not here."""
        locate(config)

    def resolve(self, config: Any) -> Resolution:
        """Return the backend that runs the model here, ``torch`` or ``openvino``."""
        return resolve(config)

    def token_rule(self, config: Any) -> TokenRule:
        """Return the model's tokenizer.json and its longest input, as its files have them."""
        folder = locate(config).folder
        return TokenRule(tokeniser_file(folder), config.max_length or longest_known_input(folder))

    def identify(self, config: Any, backend: str) -> EncoderIdentity:
        """Return the model's identity: its files and settings."""
        return identify(config, backend)

    def open(self, identity: EncoderIdentity, config: Any, relative: Encoder | None) -> Encoder:
        """Load the model, or share the one that is loaded."""
        from sphering.encoder.sentence_transformers.encoder import opened

        return opened(identity, config, relative)


KIND = SentenceTransformersKind()
