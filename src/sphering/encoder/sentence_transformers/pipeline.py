"""A loaded sentence-transformers model as a chain: token ids to token embeddings to vectors, under either backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.sentence_transformers.batching import ROW_MULTIPLE, Batch, Tokens, fill
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.tokeniser import Tokeniser

Features = dict[str, Any]
EMBEDDING = "sentence_embedding"


@dataclass(frozen=True)
class Pipeline:
    """A loaded model, without prompts.

    Attributes
    ----------
    tokeniser : Tokeniser
    network : callable
        Features with token ids and mask to features with token embeddings.
    tail : tuple of torch.nn.Module
        What follows the network: pooling, dense layers, normalisation.
    pad_id : int
        The padding token.
    type_ids : bool
        Whether the network takes token type ids.
    left : bool
        Whether padding stands in front.
    max_length : int or None
        Longest input in tokens.
    width : int
        Length of the vectors before `truncate_dim`.
    prompt_length : callable
        Prompt to its tokens where pooling leaves the prompt out, else to None.
    lanes : Lanes
        Where batches are computed.
    """

    tokeniser: Tokeniser
    network: Callable[[Features], Features]
    tail: tuple[Callable[[Features], Features], ...]
    pad_id: int
    type_ids: bool
    left: bool
    max_length: int | None
    width: int
    prompt_length: Callable[[str], int | None]
    lanes: Lanes

    def vectors(self, tokens: Tokens, starts: NDArray[np.int64], batch: Batch, prompt: str) -> NDArray[np.float32]:
        """Return the vectors of one batch, (rows, width) float32."""
        import torch

        ids, mask = fill(tokens, starts, batch, self.pad_id, left=self.left)
        with torch.inference_mode():
            features = self.network(self._features(ids, mask, prompt))
            for module in self.tail:
                features = module(_tall(features))
            vectors = features[EMBEDDING][: len(batch.rows)]
            return np.asarray(vectors.to(torch.float32).numpy())

    def _features(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> Features:
        import torch

        features: Features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self.type_ids:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        length = self.prompt_length(prompt) if prompt else None
        if length is not None:
            features["prompt_length"] = length
        return features


def _tall(features: Features) -> Features:
    """Fill the pooled vectors up to a multiple of 16 rows, as the token rows are: a dense layer's bits need it."""
    import torch

    pooled = features.get(EMBEDDING)
    if pooled is not None and pooled.shape[0] % ROW_MULTIPLE:
        missing = -pooled.shape[0] % ROW_MULTIPLE
        features[EMBEDDING] = torch.nn.functional.pad(pooled, (0, 0, 0, missing))
    return features
