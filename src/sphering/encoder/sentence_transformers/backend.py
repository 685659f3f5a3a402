"""What `backend = "auto"` means on this machine, and why."""

from __future__ import annotations

import importlib.util
import platform

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.kind import Resolution
from sphering.encoder.modelfiles import module_graph, read_json
from sphering.encoder.resolve import locate

MACHINES = frozenset({"x86_64", "AMD64", "aarch64", "arm64"})
# Networks whose conversion was tried and found equal to PyTorch's.
CONVERTIBLE = frozenset({"bert", "roberta", "xlm-roberta", "distilbert", "mpnet"})
TAIL = frozenset({"Pooling", "Dense", "Normalize", "LayerNorm", "Dropout"})


def resolve(config: SentenceTransformersConfig) -> Resolution:
    """Return the backend that runs the configured model here, ``torch`` or ``openvino``, with the reason.

    Raises
    ------
    ModelError
        If the model cannot be found.
    """
    if config.backend != "auto":
        return Resolution(config.backend, "configured")
    obstacle = _obstacle(config)
    if obstacle is None:
        return Resolution("openvino", "it is installed and converts this network")
    return Resolution("torch", obstacle)


def _obstacle(config: SentenceTransformersConfig) -> str | None:
    """Return why OpenVINO does not run the model here; None where it does."""
    if importlib.util.find_spec("openvino") is None:
        return 'openvino is not installed (pip install "sphering[openvino]")'
    if platform.machine() not in MACHINES:
        return f"openvino does not run on {platform.machine()}"
    if config.trust_remote_code:
        return "the model runs code of its own (trust_remote_code)"
    folder = locate(config).folder
    first, *rest = module_graph(folder)
    if first.kind != "Transformer":
        return f"the model begins with {first.kind}, which is no transformer"
    unknown = [module.kind for module in rest if module.kind not in TAIL]
    if unknown:
        return f"the model has the module {unknown[0]}, whose conversion was not tried"
    network = str(read_json(folder / first.path / "config.json").get("model_type"))
    if network not in CONVERTIBLE:
        return f"the conversion of {network} networks was not tried"
    if (folder / first.path / "adapter_config.json").exists():
        return "the model has an adapter"
    return None
