"""A model's own modules, traced into OpenVINO's format: the network, and apart from it what follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sphering.encoder.sentence_transformers.loading import quiet
from sphering.encoder.sentence_transformers.openvino import runtime
from sphering.encoder.sentence_transformers.torch_network import EMBEDDING
from sphering.errors import ModelError

TOKENS = "token_embeddings"
MASK = "attention_mask"
_INT8 = 127


def convert(model: Any, folder: Path, *, type_ids: bool, int8: bool) -> tuple[Path, Path]:
    """Write a loaded SentenceTransformer as network.xml and tail.xml; return their paths.

    Parameters
    ----------
    model : sentence_transformers.SentenceTransformer
    folder : Path
    type_ids : bool
        Whether the network takes token type ids.
    int8 : bool
        Keep the weights of matrix products in 8 bits, scaled by output dimension: q = round(127 w / max|w|).

    Raises
    ------
    ModelError
        If the model does not convert.
    """
    first, *tail = model
    paths = folder / "network.xml", folder / "tail.xml"
    try:
        with torch.no_grad(), quiet():
            network = _traced_network(first, type_ids)
            if int8:
                _keep_weights_in_8_bits(network)
            runtime().save_model(network, str(paths[0]), compress_to_fp16=False)
            runtime().save_model(_traced_tail(tail, _width(first)), str(paths[1]), compress_to_fp16=False)
    except OSError:
        raise
    except Exception as error:  # conversion fails in as many ways as there are networks
        raise ModelError(
            f"the model does not convert to OpenVINO: {type(error).__name__}: {str(error).strip()[:200]}",
            expected="modules that OpenVINO can trace",
            where="[encoder] backend",
            remedy='set backend = "torch"',
        ) from error
    return paths


class _Network(torch.nn.Module):
    def __init__(self, first: Any, names: Sequence[str]) -> None:
        super().__init__()
        self.first, self.names = first, names

    def forward(self, *inputs: Any) -> Any:
        return self.first(dict(zip(self.names, inputs, strict=True)))[self.first.module_output_name]


class _Tail(torch.nn.Module):
    def __init__(self, tail: Sequence[Any]) -> None:
        super().__init__()
        self.tail = torch.nn.ModuleList(tail)

    def forward(self, tokens: Any, mask: Any) -> Any:
        features = {TOKENS: tokens, MASK: mask}
        for module in self.tail:
            features = module(features)
        return features[EMBEDDING]


def _traced_network(first: Any, type_ids: bool) -> Any:
    names = ("input_ids", MASK, *(("token_type_ids",) if type_ids else ()))
    ids = torch.ones((2, 16), dtype=torch.int64)
    inputs = (ids, _mask(), torch.zeros_like(ids))[: len(names)]
    return runtime().convert_model(_Network(first, names).eval(), example_input=inputs, input=[(-1, -1)] * len(names))


def _traced_tail(tail: Sequence[Any], width: int) -> Any:
    inputs = torch.rand((2, 16, width)), _mask()
    return runtime().convert_model(_Tail(tail).eval(), example_input=inputs, input=[(-1, -1, width), (-1, -1)])


def _mask() -> Any:
    """Return a mask in which a position is masked: one of ones alone would be traced as no mask."""
    mask = torch.ones((2, 16), dtype=torch.int64)
    mask[0, 8:] = 0
    return mask


def _width(first: Any) -> int:
    return int(first.get_embedding_dimension())


def _keep_weights_in_8_bits(network: Any) -> None:
    from openvino import opset15 as operations

    for node in network.get_ordered_ops():
        weights = _weights(node)
        if weights is None:
            continue
        quantised, scale = quantise(weights, rows=bool(node.get_attributes()["transpose_b"]))
        kept = operations.convert(operations.constant(quantised), "f32")
        node.input(1).replace_source_output(operations.multiply(kept, operations.constant(scale)).output(0))


def _weights(node: Any) -> NDArray[np.float32] | None:
    """Return the constant second factor of a matrix product, (a, b) float32; None of another node."""
    if node.get_type_name() != "MatMul":
        return None
    source = node.input_value(1).get_node()
    return np.asarray(source.get_data(), np.float32) if source.get_type_name() == "Constant" else None


def quantise(weights: NDArray[np.float32], *, rows: bool) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return weights in 8 bits and the scales that bring them back, one an output: w ≈ q · s, s = max|w| / 127.

    Parameters
    ----------
    weights : (a, b) float32
    rows : bool
        Whether a row belongs to an output; else a column does.
    """
    scale = np.abs(weights).max(axis=1 if rows else 0, keepdims=True) / np.float32(_INT8)
    scale[scale == 0] = 1
    return np.rint(weights / scale).astype(np.int8), scale
