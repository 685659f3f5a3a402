"""The backend "torch": a model's own modules in PyTorch, on a CPU or on accelerators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import count
from threading import local
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sphering.encoder.sentence_transformers.devices import CPU, describe
from sphering.encoder.sentence_transformers.packed import pack_linear_layers
from sphering.errors import ModelError

EMBEDDING = "sentence_embedding"
_SHORTAGES = ("can't allocate memory", "bad_alloc", "could not create a primitive", "CUBLAS_STATUS_ALLOC_FAILED")
"""What PyTorch, oneDNN and cuBLAS say where memory does not do: there is no class of its own for it."""
FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchNetwork:
    """The network and the modules behind it, a copy a device; each thread keeps to one of them.

    Parameters
    ----------
    model : sequence of torch.nn.Module
        The network, from features with token ids and mask to features with token embeddings; then what follows it:
        pooling, dense layers, normalisation.
    type_ids : bool
        Whether the network takes token type ids.
    devices : sequence of str, default ("cpu",)
    precision : {"float32", "bfloat16", "float16"}, default "float32"
        What accelerators compute in.

    Raises
    ------
    ModelError
        If a CPU is to compute in another precision than float32.
    """

    def __init__(
        self, model: Sequence[Any], *, type_ids: bool, devices: Sequence[str] = (CPU,), precision: str = "float32"
    ) -> None:
        _check_precision(devices, precision)
        self._devices = list(devices)
        self._chains = [_placed(model, device, precision) for device in self._devices]
        self._type_ids = type_ids
        self._prompt_length = _prompt_length(model)
        self._next = count()
        self._of_thread = local()

    @property
    def accelerators(self) -> dict[str, Any]:
        """The devices' kinds, CUDA's version, and whether its products are rounded (TF32)."""
        return describe([device for device in self._devices if device != CPU])

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> NDArray[np.float32]:
        """Return the vectors of a batch; see `pipeline.Network`."""
        if not hasattr(self._of_thread, "number"):
            self._of_thread.number = next(self._next) % len(self._devices)
        try:
            return self._vectors(ids, mask, prompt, self._of_thread.number)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            shortage = str(error)
        raise MemoryError(shortage)  # not from the error: its frames hold what there was of the batch

    def _vectors(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str, number: int
    ) -> NDArray[np.float32]:
        with torch.inference_mode():
            features = self._features(ids, mask, prompt, self._devices[number])
            for module in self._chains[number]:
                features = module(features)
            return np.asarray(features[EMBEDDING].to(torch.float32).cpu().numpy())

    def _features(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str, device: str) -> dict[str, Any]:
        features: dict[str, Any] = {
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(mask).to(device),
        }
        if self._type_ids:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        if prompt and self._prompt_length is not None:
            features["prompt_length"] = self._prompt_length(prompt)
        return features


def _placed(model: Sequence[Any], device: str, precision: str) -> list[Any]:
    if device == CPU:
        pack_linear_layers(model[0])
        return list(model)
    return [deepcopy(module).to(device, FORMATS[precision]) for module in model]


def _prompt_length(model: Sequence[Any]) -> Callable[[str], int | None] | None:
    """Return what counts a prompt's tokens, where pooling leaves the prompt out."""
    leaves_out = any(not getattr(module, "include_prompt", True) for module in model)
    return model[0]._get_prompt_length if leaves_out else None


def _check_precision(devices: Sequence[str], precision: str) -> None:
    if precision == "float32" or (precision in FORMATS and CPU not in devices):
        return
    raise ModelError(
        f"PyTorch does not compute in {precision} here, on {', '.join(devices)}",
        expected="float32 on a CPU; float32, bfloat16 or float16 on an accelerator",
        where="[encoder] precision",
        remedy='set precision = "float32", or backend = "openvino", which has bfloat16 and int8 on CPUs',
    )


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _SHORTAGES)
