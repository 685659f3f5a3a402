"""Static embeddings: a vector a token from a table, and their mean; no network, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sphering.encoder.sentence_transformers.batching import Batch, Tokens
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.loop import Loop, too_little_memory
from sphering.encoder.sentence_transformers.tokeniser import Tokeniser
from sphering.encoder.sentence_transformers.torch_network import EMBEDDING
from sphering.encoder.tokeniser_file import unknown_id

BATCH_TEXTS = 1024


class StaticPipeline(Loop):
    """A table of token vectors and the modules behind it.

    A text's mean is summed by itself, in the order of its tokens: it does not depend on the batch.

    Parameters
    ----------
    first : sentence_transformers.models.StaticEmbedding
    tail : sequence of torch.nn.Module
    width : int
        Length of the vectors before `truncate_dim`.
    lanes : Lanes
    """

    def __init__(self, first: Any, tail: Sequence[Any], width: int, lanes: Lanes) -> None:
        self.tokeniser = Tokeniser(
            first.tokenizer.to_str(),
            max_length=None,
            cut="right",
            unknown_id=unknown_id(first.tokenizer),
            vocabulary=int(first.embedding.num_embeddings),
            special=False,
        )
        self.max_length, self.width, self.lanes = None, width, lanes
        self._modules = (first, *tail)

    def plan(self, lengths: NDArray[np.int64]) -> list[Batch]:
        """Return the batches: texts as they come, since none is padded."""
        rows = np.arange(len(lengths))
        pieces = [rows[start : start + BATCH_TEXTS] for start in range(0, len(rows), BATCH_TEXTS)]
        return [Batch(piece, 0, len(piece)) for piece in pieces]

    def lower(self, batches: list[Batch], shortage: str) -> None:
        """Refuse: the table is all that takes memory."""
        raise too_little_memory(0, shortage)

    def vectors(self, tokens: Tokens, starts: NDArray[np.int64], batch: Batch, prompt: str) -> NDArray[np.float32]:
        """Return the vectors of one batch, (rows, width) float32."""
        first, last = batch.rows[0], batch.rows[-1]
        begin, end = starts[first], starts[last] + tokens.lengths[last]
        ids = torch.from_numpy(tokens.ids[begin:end].astype(np.int64))
        features = {"input_ids": ids, "offsets": torch.from_numpy(starts[batch.rows] - begin)}
        with torch.inference_mode():
            for module in self._modules:
                features = module(features)
            return np.asarray(features[EMBEDDING].to(torch.float32).numpy())
