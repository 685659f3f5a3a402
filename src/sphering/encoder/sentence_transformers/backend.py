"""What `backend = "auto"` means on this machine, and why."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.kind import Resolution
from sphering.encoder.modelfiles import module_graph, read_json
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers.devices import AUTO, may_have_an_accelerator
from sphering.errors import ModelError

MACHINES = frozenset({"x86_64", "AMD64", "aarch64", "arm64"})
# Networks whose conversion was tried and found equal to PyTorch's.
CONVERTIBLE = frozenset({"bert", "roberta", "xlm-roberta", "distilbert", "mpnet"})
ACCELERATORS = ("cuda", "mps")
TAIL = frozenset({"Pooling", "Dense", "Normalize", "LayerNorm", "Dropout"})


def resolve(config: SentenceTransformersConfig) -> Resolution:
    """Return the backend that runs the configured model here, ``torch`` or ``openvino``, with the reason.

    Raises
    ------
    ModelError
        If the model cannot be found, or nothing here computes it in the precision.
    """
    if config.backend != "auto":
        return Resolution(config.backend, "configured")
    if (
        config.precision != "int8"
        and config.device.partition(":")[0] in (AUTO, *ACCELERATORS)
        and may_have_an_accelerator()
    ):
        return Resolution("torch", "an accelerator is here")
    obstacle = _obstacle(config)
    if obstacle is None:
        return Resolution("openvino", "it is installed and converts this network")
    if config.precision != "float32":
        raise ModelError(
            f"nothing here computes this model in {config.precision}: {obstacle}",
            expected="OpenVINO, or an accelerator",
            where="[encoder] precision",
            remedy='set precision = "float32"',
        )
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
    if any(module.kind == "Pooling" and _leaves_prompt_out(folder / module.path) for module in rest):
        return "the pooling leaves the prompt out of the mean"
    network = str(read_json(folder / first.path / "config.json").get("model_type"))
    if network not in CONVERTIBLE:
        return f"the conversion of {network} networks was not tried"
    if (folder / first.path / "adapter_config.json").exists():
        return "the model has an adapter"
    return None


def _leaves_prompt_out(pooling: Path) -> bool:
    settings = pooling / "config.json"
    return settings.is_file() and read_json(settings).get("include_prompt", True) is False
