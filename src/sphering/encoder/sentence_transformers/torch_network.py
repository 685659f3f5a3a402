"""The backend "torch": a model's own modules in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

EMBEDDING = "sentence_embedding"


class TorchNetwork:
    """The network and the modules behind it.

    Parameters
    ----------
    first : torch.nn.Module
        The network, from features with token ids and mask to features with token embeddings.
    tail : sequence of torch.nn.Module
        What follows it: pooling, dense layers, normalisation.
    type_ids : bool
        Whether the network takes token type ids.
    """

    def __init__(self, first: Any, tail: Sequence[Any], *, type_ids: bool) -> None:
        self._modules = (first, *tail)
        self._type_ids = type_ids
        self._leaves_prompt_out = any(not getattr(module, "include_prompt", True) for module in tail)

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> NDArray[np.float32]:
        """Return the vectors of a batch; see `pipeline.Network`."""
        with torch.inference_mode():
            features = self._features(ids, mask, prompt)
            for module in self._modules:
                features = module(features)
            return np.asarray(features[EMBEDDING].to(torch.float32).numpy())

    def _features(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> dict[str, Any]:
        features: dict[str, Any] = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self._type_ids:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        if prompt and self._leaves_prompt_out:
            features["prompt_length"] = self._modules[0]._get_prompt_length(prompt)
        return features
