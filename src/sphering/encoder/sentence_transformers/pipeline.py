"""A loaded model as the loop over batches sees it, whatever computes it."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.sentence_transformers.batching import Batch, Shapes, Tokens, fill, plan
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.loop import Loop, too_little_memory
from sphering.encoder.sentence_transformers.tokeniser import Tokeniser
from sphering.encoder.sentence_transformers.traits import Traits


class Network(Protocol):
    """The network and all that follows it: token ids to vectors."""

    @property
    def accelerators(self) -> dict[str, Any]:
        """What of the accelerators that it computes on may change a bit; empty on a CPU."""

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> NDArray[np.float32]:
        """Return the vectors, (rows, width) float32, of token ids and their mask, both (rows, padded) int64."""


class Pipeline(Loop):
    """A network behind its tokenizer.

    Parameters
    ----------
    traits : Traits
    network : Network
    lanes : Lanes
    shapes : Shapes
        Which batches there are.
    """

    def __init__(self, traits: Traits, network: Network, lanes: Lanes, shapes: Shapes) -> None:
        self.tokeniser = Tokeniser(
            traits.tokenizer,
            max_length=traits.max_length,
            cut=traits.cut,
            unknown_id=traits.unknown_id,
            vocabulary=traits.vocabulary,
        )
        self.traits, self.network, self.lanes = traits, network, lanes
        self.max_length, self.width = traits.max_length, traits.width
        self.shapes = replace(shapes, texts=traits.texts)
        self._lowering = Lock()

    @property
    def accelerators(self) -> dict[str, Any]:
        """What of the network's accelerators may change a bit."""
        return self.network.accelerators

    @property
    def fixed_tokens(self) -> int | None:
        """Tokens of a batch where all have the same shape."""
        return self.shapes.budget if self.shapes.fixed else None

    def plan(self, lengths: NDArray[np.int64]) -> list[Batch]:
        """Return the batches of texts of these lengths in tokens."""
        return plan(lengths, self.traits.max_length, self.shapes)

    def lower(self, batches: list[Batch], shortage: str) -> None:
        """Halve the largest batch, unless another thread has done so, as long as its height may be less."""
        largest = max(batch.height * batch.padded for batch in batches)
        with self._lowering:
            if _largest(batches, self.shapes) < largest:
                return
            lowered = replace(self.shapes, budget=largest // 2)
            if _largest(batches, lowered) >= largest:
                raise too_little_memory(max(batch.padded for batch in batches), shortage)
            self.shapes = lowered

    def vectors(self, tokens: Tokens, starts: NDArray[np.int64], batch: Batch, prompt: str) -> NDArray[np.float32]:
        """Return the vectors of one batch, (rows, width) float32."""
        ids, mask = fill(tokens, starts, batch, self.traits.pad_id, left=self.traits.left)
        return self.network(ids, mask, prompt)[: len(batch.rows)]


def _largest(batches: list[Batch], shapes: Shapes) -> int:
    """Return the tokens of the largest of some batches, had they been cut to these shapes."""
    return max(min(batch.height, shapes.most(batch.padded)) * batch.padded for batch in batches)
