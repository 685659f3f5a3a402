"""The backend "openvino": a converted model, compiled for this CPU; neither PyTorch nor the model's code is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.cores import available_cores
from sphering.errors import ModelError
from sphering.extras import require

HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}
"""What OpenVINO is asked to compute in; int8 is the format of the weights alone."""
CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
PRODUCTS = frozenset({"FullyConnected", "MatMul"})
TELEMETRY = "openvino_telemetry"
_TAIL_INPUTS = 2
_beginning = Lock()


class OpenVINONetwork:
    """The network, and what follows it, which is computed in float32 whatever the network is computed in.

    Parameters
    ----------
    network, tail : Path
        The converted parts, .xml files with their .bin beside them.
    precision : {"float32", "bfloat16", "float16", "int8"}
        What the network is computed in.

    Raises
    ------
    ModelError
        If this CPU does not compute in that precision.
    """

    def __init__(self, network: Path, tail: Path, precision: str) -> None:
        _check_capable(precision)
        self._network = _compile(network, HINTS[precision])
        _check_precision(self._network, precision)
        self._tail = _compile(tail, HINTS["float32"])
        self._type_ids = len(self._network.inputs) > _TAIL_INPUTS
        self._requests = local()

    @property
    def accelerators(self) -> dict[str, Any]:
        """None: OpenVINO computes on the CPU here."""
        return {}

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> NDArray[np.float32]:
        """Return the vectors of a batch; see `pipeline.Network`."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._network.create_infer_request(), self._tail.create_infer_request()
        network, tail = self._requests.own
        inputs = [ids, mask, np.zeros_like(ids)] if self._type_ids else [ids, mask]
        # Shared memory both ways: what comes out is read before this thread's next request overwrites it.
        tokens = network.infer(inputs, share_inputs=True, share_outputs=True)[0]
        return np.array(tail.infer([tokens, mask], share_inputs=True, share_outputs=True)[0], np.float32)


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Import openvino without its telemetry, which calls home on import; without the package it has a stub."""
    known = sys.modules.get(TELEMETRY)
    if known is None:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if known is None:
            del sys.modules[TELEMETRY]


def runtime() -> Any:
    """Return the module openvino.

    Raises
    ------
    ExtraMissingError
        If it is not installed.
    """
    with without_telemetry():
        return require("openvino", "openvino")


def _core() -> Any:
    with _beginning:
        return _begun()


@cache
def _begun() -> Any:
    openvino = runtime()
    # Its bindings look NumPy up at their first array: two threads that bring one at once may wait for each other for
    # ever, each for the lock that the other holds, the interpreter's and that of a static variable (pybind11).
    openvino.Tensor(np.zeros(1, np.float32))
    return openvino.Core()


def _compile(model: Path, hint: str) -> Any:
    properties = {
        "INFERENCE_PRECISION_HINT": hint,
        # A stream a lane, each of one thread.
        "NUM_STREAMS": available_cores(),
        "INFERENCE_NUM_THREADS": available_cores(),
        # Several workers on one machine would pin their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
        # Weights of 8 bits would have the activations rounded to 8 bits as well.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
    }
    return _core().compile_model(str(model), "CPU", properties)


def capabilities() -> tuple[str, ...]:
    """Return what this CPU computes in, in OpenVINO's words, such as ``BF16``."""
    return tuple(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def _check_capable(precision: str) -> None:
    capability, found = CAPABILITIES.get(precision), capabilities()
    if capability is not None and capability not in found:
        raise _refusal(precision, f"this CPU does not compute in {precision} (it has {', '.join(found)})")


def _check_precision(compiled: Any, precision: str) -> None:
    """Refuse a model of which a matrix product is compiled to another precision: what was asked for is only a hint."""
    nodes = [node.get_rt_info() for node in compiled.get_runtime_model().get_ops()]
    found = {_word(node["runtimePrecision"]) for node in nodes if _word(node["layerType"]) in PRODUCTS}
    expected = {"i8", "f32"} if precision == "int8" else {HINTS[precision]}
    if not found <= expected:
        raise _refusal(precision, f"OpenVINO compiled the network to {', '.join(sorted(found - expected))}")


def _word(value: Any) -> str:
    return str(value.astype(str))


def _refusal(precision: str, found: str) -> ModelError:
    return ModelError(
        found,
        expected=f"{precision}, as configured",
        where="[encoder] precision",
        remedy='set precision = "float32", or run on a machine that has it; another precision is another encoder',
    )
