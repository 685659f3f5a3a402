"""The kind "precomputed": its identity is what the user declares, since the files' rows change every night."""

from __future__ import annotations

from typing import Any

from sphering.config.encoder import PrecomputedConfig
from sphering.encoder.kind import EncoderKind
from sphering.encoder.precomputed.encoder import Precomputed
from sphering.encoder.precomputed.files import find_vectors
from sphering.encoder.precomputed.rows import dimension_of
from sphering.encoder.protocol import Encoder, EncoderIdentity

VERSION = 1
"""The version of the step that makes vectors; a mended bug that changes a bit raises it."""


class PrecomputedKind(EncoderKind):
    """Vectors that stand in files, each beside its text."""

    config = PrecomputedConfig

    def check(self, config: Any) -> None:
        """Refuse where a file is not there or holds no vectors."""
        dimension_of(find_vectors(config), config)

    def identify(self, config: Any, backend: str) -> EncoderIdentity:
        """Return the identity: what is declared, and how long the vectors are."""
        files = find_vectors(config)
        document = {
            "kind": config.kind,
            "identity": config.identity,
            "dimension": dimension_of(files, config),
            "backend": backend,
            "v": VERSION,
        }
        provenance = {"model": config.identity, "vectors": [str(path) for path in files.vectors]}
        return EncoderIdentity.of(document, provenance, files.shown)

    def open(self, identity: EncoderIdentity, config: Any, relative: Encoder | None) -> Encoder:
        """Open the look-up; its files are read when a text is asked for."""
        return Precomputed(identity, config)


KIND = PrecomputedKind()
