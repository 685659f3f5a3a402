"""The loop over batches: tokens of all texts, longest first, computed side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.protocol import SILENCE, STEP, Encoded
from sphering.encoder.sentence_transformers.batching import Batch, Tokens
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.tokeniser import Tokeniser
from sphering.errors import ModelError
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

    @property
    def accelerators(self) -> dict[str, Any]:
        """What of the accelerators that compute may change a bit; empty on a CPU."""
        return {}

    @property
    def fixed_tokens(self) -> int | None:
        """Tokens of a batch where all have the same shape; None where a vector does not depend on it."""
        return None

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

        self._work(encode_batch, tokens.lengths, progress)
        return Encoded(vectors, tokens.counts, tokens.unknown, tokens.counts > tokens.lengths)

    def _work(self, encode_batch: Callable[[Batch], None], lengths: NDArray[np.int64], progress: Progress) -> None:
        """Work every batch; where memory does not do, all again in smaller ones, so that they have one shape."""
        while True:
            batches = self.plan(lengths)
            shortage = self._try(encode_batch, batches, lengths, progress)
            if shortage is None:
                return
            self.lower(batches, shortage)

    def _try(
        self,
        encode_batch: Callable[[Batch], None],
        batches: list[Batch],
        lengths: NDArray[np.int64],
        progress: Progress,
    ) -> str | None:
        """Work batches; return what is said where memory does not do, without the error, which would hold memory."""
        done, counted = 0, 0
        try:
            for batch in self.lanes.work(encode_batch, batches):
                texts, tokens = len(batch.rows), int(lengths[batch.rows].sum())
                progress.advance(STEP, texts, tokens=tokens)
                done, counted = done + texts, counted + tokens
        except MemoryError as error:
            progress.advance(STEP, -done, tokens=-counted)
            return str(error)
        return None

    @abstractmethod
    def lower(self, batches: list[Batch], shortage: str) -> None:
        """Make later batches smaller than those for which memory did not do, in the words of `shortage`.

        Raises
        ------
        ModelError
            If they are as small as they can be.
        """


def too_little_memory(tokens: int, shortage: str) -> ModelError:
    """Return the error of a batch that is as small as it can be and still does not fit."""
    return ModelError(
        f"memory does not do for one batch of texts of {tokens} tokens: {shortage.strip()[:200]}",
        expected="memory for the model and a few of the longest texts",
        where="[encoder]",
        remedy="lower [encoder] max_length, take a smaller model, or run on a machine with more memory",
    )
