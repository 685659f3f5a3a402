"""How a hosted model is checked, identified and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.config.encoder import OpenAIConfig
from sphering.encoder.digests import file_digests
from sphering.encoder.kind import EncoderKind, TokenRule
from sphering.encoder.modelfiles import TOKENISER
from sphering.encoder.protocol import Encoder, EncoderIdentity
from sphering.encoder.resolve import locate_tokenizer
from sphering.errors import ModelError

VERSION = 1
"""The version of the step that makes vectors; a mended bug that changes a bit raises it."""


class OpenAIKind(EncoderKind):
    """A model behind an endpoint that speaks OpenAI's embeddings protocol."""

    config = OpenAIConfig

    def check(self, config: Any) -> None:
        """Refuse a missing key and a missing tokenizer; the server is not asked."""
        from sphering.encoder.openai.access import key_of

        key_of(config)
        _files(config)

    def token_rule(self, config: Any) -> TokenRule:
        """Return the configured tokenizer and length; nothing is known of the tokens without a tokenizer."""
        return TokenRule(_files(config).get(TOKENISER), config.max_length)

    def identify(self, config: Any, backend: str) -> EncoderIdentity:
        """Return the identity: what is asked for. There are no files; what answers, the probe pins."""
        files = _files(config)
        document = {
            "kind": config.kind,
            "model": config.model,
            "revision": config.revision,
            "files": file_digests(files),
            "document_prompt": config.document_prompt,
            "max_length": config.max_length,
            "truncate_dim": config.truncate_dim,
            "backend": backend,
            "v": VERSION,
        }
        provenance = {"model": config.model, "base_url": config.base_url, "tokenizer": config.tokenizer}
        return EncoderIdentity.of(document, provenance, config.base_url)

    def open(self, identity: EncoderIdentity, config: Any, relative: Encoder | None) -> Encoder:
        """Open a pool of connections to the server, and ask it for its dimension where none is configured."""
        from sphering.encoder.openai.access import key_of
        from sphering.encoder.openai.encoder import OpenAIEncoder
        from sphering.encoder.openai.tokens import TextTokens

        files = _files(config)
        tokens = TextTokens(files[TOKENISER], config.max_length) if files else None
        return OpenAIEncoder(identity, config, key_of(config), tokens)


KIND = OpenAIKind()


def _files(config: OpenAIConfig) -> dict[str, Path]:
    """Return the tokenizer by its usual name, whatever its file is called; nothing where none is configured."""
    if config.tokenizer is None:
        return {}
    try:
        return {TOKENISER: locate_tokenizer(config.tokenizer)}
    except ModelError as error:
        raise ModelError(
            error.found,
            expected=f"a {TOKENISER}, a folder with one, or package:NAME of a package that carries a model",
            where="[encoder] tokenizer",
            remedy=f"copy {TOKENISER} from the model's page, or leave `tokenizer` and `max_length` out",
        ) from error
