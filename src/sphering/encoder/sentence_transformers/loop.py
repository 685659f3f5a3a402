"""The loop over batches: tokens of all texts, longest first, computed side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.protocol import SILENCE, STEP, Encoded
from sphering.encoder.sentence_transformers.batching import Batch, Tokens
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.tokeniser import Tokeniser
from sphering.progress import Progress


class Loop(ABC):
    """A loaded model, without prompts.

    Attributes
    ----------
    tokeniser : Tokeniser
    lanes : Lanes
        Where batches are computed.
    max_length : int or None
        Longest input in tokens.
    width : int
        Length of a vector.
    """

    tokeniser: Tokeniser
    lanes: Lanes
    max_length: int | None
    width: int

    @abstractmethod
    def plan(self, lengths: NDArray[np.int64]) -> list[Batch]:
        """Return the batches of texts of these lengths in tokens."""

    @abstractmethod
    def vectors(self, tokens: Tokens, starts: NDArray[np.int64], batch: Batch, prompt: str) -> NDArray[np.float32]:
        """Return the vectors of one batch, (rows, width) float32; tokens of text i begin at `starts[i]`."""

    def encode(
        self, texts: list[str], prompt: str = "", dimension: int | None = None, progress: Progress = SILENCE
    ) -> Encoded:
        """Return the vectors of texts that begin with their prompt, in the order of the texts.

        Parameters
        ----------
        texts : list of str
        prompt : str
            What the texts begin with: some models leave it out of the mean.
        dimension : int, optional
            How many of the vectors' first components are kept; by default all.
        progress : Progress
        """
        kept = dimension or self.width
        tokens = self.tokeniser.tokens(texts)
        starts = np.cumsum(tokens.lengths) - tokens.lengths
        vectors = np.empty((len(texts), kept), dtype=np.float32)

        def encode_batch(batch: Batch) -> None:
            vectors[batch.rows] = self.vectors(tokens, starts, batch, prompt)[:, :kept]

        for batch in self.lanes.work(encode_batch, self.plan(tokens.lengths)):
            progress.advance(STEP, len(batch.rows), tokens=int(tokens.lengths[batch.rows].sum()))
        return Encoded(vectors, tokens.counts, tokens.unknown, tokens.counts > tokens.lengths)
