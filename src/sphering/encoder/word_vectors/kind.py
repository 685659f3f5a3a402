"""The kind "word-vectors": its identity is its files and how their vectors are pooled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.config.encoder import WordVectorsConfig
from sphering.encoder.digests import file_digests
from sphering.encoder.kind import EncoderKind
from sphering.encoder.protocol import Encoder, EncoderIdentity
from sphering.encoder.word_vectors.layout import read_layout
from sphering.errors import ModelError

VERSION = 1
"""The version of the step that makes vectors; a mended bug that changes a bit raises it."""


class WordVectorsKind(EncoderKind):
    """Files of GloVe, word2vec and fastText."""

    config = WordVectorsConfig

    def check(self, config: Any) -> None:
        """Refuse a file that is not there, or is none of word vectors."""
        read_layout(_files(config)["vectors"])

    def identify(self, config: Any, backend: str) -> EncoderIdentity:
        """Return the identity: the files, how a text is cut into words, and how their vectors are pooled."""
        files = _files(config)
        document = {
            "kind": config.kind,
            "files": file_digests(files),
            "pooling": config.pooling,
            **({"a": config.a} if config.pooling == "sif" else {}),
            "tokens": config.tokens,
            "lowercase": config.lowercase,
            "backend": backend,
            "v": VERSION,
        }
        provenance = {"model": config.path, "files": {name: str(path) for name, path in files.items()}}
        return EncoderIdentity.of(document, provenance, files["vectors"])

    def open(self, identity: EncoderIdentity, config: Any, relative: Encoder | None) -> Encoder:
        """Read the files."""
        from sphering.encoder.word_vectors.encoder import WordVectors

        return relative or WordVectors(identity, config)


def _files(config: WordVectorsConfig) -> dict[str, Path]:
    named = {"vectors": config.path, **({"frequencies": config.frequencies} if config.frequencies else {})}
    for key, name in named.items():
        if not Path(name).is_file():
            raise ModelError(
                f"there is no file {name!r}",
                expected="a file, relative to the configuration file",
                where=f"[encoder] {'path' if key == 'vectors' else key}",
                remedy="mend the path, or fetch the file",
            )
    return {key: Path(name) for key, name in named.items()}


KIND = WordVectorsKind()
