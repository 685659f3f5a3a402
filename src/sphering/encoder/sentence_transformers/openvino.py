"""The backend "openvino": the network of a loaded model, converted in memory and compiled for this CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.cores import available_cores
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.sentence_transformers.batching import plan
from sphering.encoder.sentence_transformers.pipeline import Features, Pipeline
from sphering.errors import ModelError
from sphering.extras import require

PARITY = 0.999999
"""Least cosine between a vector of PyTorch and of OpenVINO; conversion is measured to keep 1 − 1e-12."""
PARITY_TEXTS = PROBE_TEXTS[::8]
TELEMETRY = "openvino_telemetry"


def converted(pipeline: Pipeline, network: Any) -> Pipeline:
    """Return the pipeline with its network in OpenVINO, after comparing both on a few texts.

    Raises
    ------
    ModelError
        If the network does not convert, runs in another precision than float32, or gives other vectors.
    """
    with _without_telemetry():
        runtime = require("openvino", "openvino")
    compiled = _compile(runtime, network, pipeline.type_ids)
    fast = replace(pipeline, network=_Network(compiled, network.module_output_name, pipeline.type_ids))
    _check_parity(pipeline, fast)
    return fast


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Import openvino without its telemetry, which calls home on import; without the package it has a stub."""
    known = sys.modules.get(TELEMETRY)
    if known is None:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if known is None:
            del sys.modules[TELEMETRY]


def _compile(runtime: Any, network: Any, type_ids: bool) -> Any:
    import torch

    names = ("input_ids", "attention_mask", *(("token_type_ids",) if type_ids else ()))

    class Traced(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: Any) -> Any:
            features = dict(zip(names, inputs, strict=True))
            return self.network(features)[network.module_output_name]

    example = torch.ones((2, 16), dtype=torch.int64)
    # A masked position in the example: a mask of ones alone would be traced as no mask.
    mask = example.clone()
    mask[0, 8:] = 0
    inputs = (example, mask, torch.zeros_like(example))[: len(names)]
    properties = {
        "INFERENCE_PRECISION_HINT": "f32",
        # A stream a lane, each of one thread.
        "NUM_STREAMS": available_cores(),
        "INFERENCE_NUM_THREADS": available_cores(),
        # Several workers on one machine would pin their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        with torch.no_grad():
            model = runtime.convert_model(Traced().eval(), example_input=inputs, input=[(-1, -1)] * len(names))
        compiled = runtime.Core().compile_model(model, "CPU", properties)
    except Exception as error:  # conversion fails in as many ways as there are networks
        raise ModelError(
            f"the network does not convert to OpenVINO: {type(error).__name__}: {str(error).strip()[:200]}",
            expected="a network that OpenVINO can trace",
            where="[encoder] backend",
            remedy='set backend = "torch"',
        ) from error
    precision = str(compiled.get_property("INFERENCE_PRECISION_HINT"))
    if "float32" not in precision and "f32" not in precision:
        raise ModelError(
            f"OpenVINO runs the network in {precision}",
            expected="float32, as configured",
            where="[encoder] precision",
            remedy='set backend = "torch"',
        )
    return compiled


class _Network:
    """The compiled network, with one inference request a thread."""

    def __init__(self, compiled: Any, output: str, type_ids: bool) -> None:
        self._compiled = compiled
        self._output = output
        self._names = ("input_ids", "attention_mask", *(("token_type_ids",) if type_ids else ()))
        self._requests = local()

    def __call__(self, features: Features) -> Features:
        import torch

        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        request = self._requests.own
        # Shared memory both ways: the output is read before this thread's next request overwrites it.
        outputs = request.infer([features[name].numpy() for name in self._names], share_inputs=True, share_outputs=True)
        return {**features, self._output: torch.from_numpy(np.asarray(outputs[0]))}


def _check_parity(slow: Pipeline, fast: Pipeline) -> None:
    tokens = slow.tokeniser.tokens(list(PARITY_TEXTS))
    starts = np.cumsum(tokens.lengths) - tokens.lengths
    least = 1.0
    for batch in plan(tokens.lengths, slow.max_length):
        one, other = (_unit(pipe.vectors(tokens, starts, batch, "").astype(np.float64)) for pipe in (slow, fast))
        least = min(least, float((one * other).sum(axis=1).min()))
    if not least >= PARITY:
        raise ModelError(
            f"OpenVINO's vectors differ from PyTorch's: least cosine {least:.9f} over {len(PARITY_TEXTS)} texts",
            expected=f"at least {PARITY}",
            where="[encoder] backend",
            remedy='set backend = "torch"',
        )


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.maximum(norms, np.finfo(np.float64).tiny)
    return unit
