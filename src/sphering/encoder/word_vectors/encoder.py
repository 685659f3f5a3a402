"""The mean of the vectors of a text's words, weighted or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sphering import interruption
from sphering.config.encoder import WordVectorsConfig
from sphering.encoder.protocol import SILENCE, STEP, Encoded, EncoderIdentity, Role
from sphering.encoder.spill import Spill
from sphering.encoder.texts import checked
from sphering.encoder.word_vectors.frequencies import counted, zipf
from sphering.encoder.word_vectors.tokens import Tokens, tokenise
from sphering.encoder.word_vectors.vocabulary import Vocabulary, read_vocabulary
from sphering.encoder.word_vectors.whitening import whitened
from sphering.progress import Progress

BLOCK_LETTERS = 1 << 18


class WordVectors:
    """Pooled word vectors behind the encoder protocol; nothing is ever cut off.

    Parameters
    ----------
    identity : EncoderIdentity
    config : WordVectorsConfig

    Raises
    ------
    ModelError
        If a file is malformed.
    """

    max_length: int | None = None

    def __init__(self, identity: EncoderIdentity, config: WordVectorsConfig) -> None:
        self.identity = identity
        self._config = config
        self._vocabulary = read_vocabulary(Path(config.path))
        self.dimension = self._vocabulary.dimension
        self._vectors, self._weights = _pooled_by(config, self._vocabulary)

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Encode any number of texts; see `protocol.Encoder`.

        Words without a vector are unknown and left out; a text without any known word has a vector of zeros.
        """
        clean = checked(texts, "")
        vectors = np.zeros((len(clean), self.dimension), np.float32)
        n_tokens, n_unknown = np.zeros(len(clean), np.int32), np.zeros(len(clean), np.int32)
        for part in _blocks(clean):
            interruption.check()
            found = tokenise(clean[part], self._config.tokens, lowercase=self._config.lowercase)
            rows = self._vocabulary.find(found.distinct)[found.which]
            size = part.stop - part.start
            n_tokens[part] = np.bincount(found.text, minlength=size)
            n_unknown[part] = np.bincount(found.text[rows < 0], minlength=size)
            vectors[part] = self._pool(found, rows, size)
            progress.advance(STEP, size, tokens=int(n_tokens[part].sum()))
        return Encoded(vectors, n_tokens, n_unknown, np.zeros(len(clean), np.bool_))

    def _pool(self, tokens: Tokens, rows: NDArray[np.int64], texts: int) -> NDArray[np.float32]:
        """Return Σ weight · vector / number of known words, (n, d) float32.

        The product of a sparse matrix adds the rows of a text one after another, in float64: no bit depends on the
        texts beside it.
        """
        from scipy.sparse import csr_matrix

        known = rows >= 0
        counts = np.bincount(tokens.text[known], minlength=texts)
        distinct, places = np.unique(rows[known], return_inverse=True)
        weights = np.ones(len(places)) if self._weights is None else self._weights[rows[known]]
        starts = np.concatenate([[0], np.cumsum(counts)])
        matrix = csr_matrix((weights, places, starts), shape=(texts, len(distinct)))
        sums = matrix @ self._vectors.take(distinct).astype(np.float64)
        return np.asarray(sums / np.maximum(counts, 1)[:, None], np.float32)


def _pooled_by(config: WordVectorsConfig, vocabulary: Vocabulary) -> tuple[Spill, NDArray[np.float64] | None]:
    """Return the vectors that are pooled, and the weight of each; None where all weigh the same."""
    if config.pooling == "mean":
        return vocabulary.vectors, None
    path = config.frequencies
    p = zipf(len(vocabulary)) if path is None else counted(Path(path), vocabulary)
    if config.pooling == "zipf":
        return whitened(vocabulary, p), None
    return vocabulary.vectors, config.a / (config.a + p)


def _blocks(texts: Sequence[str]) -> Iterator[slice]:
    """Cut texts into parts of some letters, so that the vectors of a part's words fit into memory."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    marks = np.cumsum(lengths) // BLOCK_LETTERS
    cuts = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(texts)]
    yield from (slice(start, stop) for start, stop in pairwise(cuts) if start < stop)
