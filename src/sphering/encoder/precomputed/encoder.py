"""Vectors of texts that have one already: a look-up, which follows the files where they change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering import interruption
from sphering.config.encoder import PrecomputedConfig
from sphering.encoder.precomputed.files import find_vectors
from sphering.encoder.precomputed.index import HASH, Index
from sphering.encoder.protocol import SILENCE, STEP, Encoded, EncoderIdentity, Role
from sphering.encoder.texts import checked
from sphering.errors import InputError
from sphering.progress import Progress

_ROWS = 4096
_SHOWN = 80


class Precomputed:
    """A look-up behind the encoder protocol.

    Parameters
    ----------
    identity : EncoderIdentity
    config : PrecomputedConfig
    """

    max_length: int | None = None

    def __init__(self, identity: EncoderIdentity, config: PrecomputedConfig) -> None:
        self.identity = identity
        self.dimension = int(identity.document["dimension"])
        self._config = config
        self._lock = Lock()
        self._index: Index | None = None

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Return the vectors of any number of texts; see `protocol.Encoder`.

        Raises
        ------
        InputError
            If a text has no vector; the message counts them.
        """
        index = self._current()
        rows = index.find(hashes_of(checked(texts, "")))
        if (rows < 0).any():
            raise self._missing(texts, rows, role)
        vectors = np.empty((len(rows), self.dimension), np.float32)
        for start in range(0, len(rows), _ROWS):
            interruption.check()
            part = slice(start, start + _ROWS)
            vectors[part] = index.take(rows[part])
            progress.advance(STEP, len(rows[part]))
        return Encoded(vectors, None, None, np.zeros(len(vectors), np.bool_))

    def smallest_hashes(self, count: int) -> list[str]:
        """Return the smallest hashes of the texts that have a vector, see `look_up.LookUp`."""
        return [value.hex() for value in self._current().smallest(count)]

    def vectors_of(self, hashes: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which texts have a vector, and these vectors, see `look_up.LookUp`."""
        index = self._current()
        rows = index.find(np.frombuffer(b"".join(bytes.fromhex(value) for value in hashes), HASH))
        return rows >= 0, index.take(rows[rows >= 0])

    def _current(self) -> Index:
        """Return the index of the files as they are now."""
        files = find_vectors(self._config)
        with self._lock:
            if self._index is None or self._index.state != files.state:
                self._index = None  # its room is free before the next one takes some
                self._index = Index(files, self._config, self.dimension)
            return self._index

    def _missing(self, texts: Sequence[str], rows: NDArray[np.int64], role: Role) -> InputError:
        missing = np.flatnonzero(rows < 0)
        beginning = texts[missing[0]][:_SHOWN]
        where = find_vectors(self._config).shown
        if role == "query":
            return InputError(
                f"precomputed vectors: no vector for this query: {beginning!r}",
                expected="a query whose text and vector stand in the files",
                where=where,
                remedy="give query vectors: add rows or files with them to `vectors`, made by the same model",
            )
        return InputError(
            f"precomputed vectors: {len(missing)} of {len(texts)} texts have no vector, such as {beginning!r}",
            expected="a vector for every text, whose text is that of the document after [normalise]",
            where=where,
            remedy="make the missing vectors, or leave these documents out of the source",
        )


def hashes_of(texts: Sequence[str]) -> NDArray[Any]:
    """Return the SHA-256 of texts as (n,) S32."""
    return np.frombuffer(b"".join(hashlib.sha256(text.encode()).digest() for text in texts), HASH)
