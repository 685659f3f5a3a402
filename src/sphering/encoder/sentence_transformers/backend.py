"""What `backend = "auto"` means on this machine, and why."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from sphering.accelerator import may_have_an_accelerator
from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.kind import Resolution
from sphering.encoder.modelfiles import module_graph, read_settings
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers.devices import AUTO, CPU
from sphering.errors import ModelError

MACHINES = frozenset({"x86_64", "AMD64", "aarch64", "arm64"})
# Networks whose conversion was tried and found equal to PyTorch's.
CONVERTIBLE = frozenset({"bert", "roberta", "xlm-roberta", "distilbert", "mpnet"})
TAIL = frozenset({"Pooling", "Dense", "Normalize", "LayerNorm", "Dropout"})


def resolve(config: SentenceTransformersConfig) -> Resolution:
    """Return the backend that runs the configured model here, ``torch`` or ``openvino``, with the reason.

    Raises
    ------
    ModelError
        If the model cannot be found, or nothing here computes it as configured.
    """
    if config.backend == "torch":
        return Resolution("torch", "configured")
    if config.backend == "openvino":
        _refuse(config, _impossible(config))
        return Resolution("openvino", "configured")
    return _chosen(config)


def _chosen(config: SentenceTransformersConfig) -> Resolution:
    if config.device not in (AUTO, CPU):
        return Resolution("torch", f"the device {config.device} is configured")
    if config.device == AUTO and config.precision != "int8" and may_have_an_accelerator():
        return Resolution("torch", "an accelerator is here")
    obstacle = _not_here(config) or _impossible(config) or _untried(config)
    if obstacle is None:
        return Resolution("openvino", "it is installed and converts this network")
    if config.precision != "float32":
        _refuse(config, obstacle)
    return Resolution("torch", obstacle)


def _refuse(config: SentenceTransformersConfig, obstacle: str | None) -> None:
    if obstacle is not None:
        raise ModelError(
            f"OpenVINO does not run this model: {obstacle}",
            expected=f"a model that it runs in {config.precision}",
            where="[encoder] backend and precision",
            remedy='set backend = "torch" and precision = "float32"',
        )


def _not_here(config: SentenceTransformersConfig) -> str | None:
    """Return why OpenVINO does not run at all; None where it does."""
    if importlib.util.find_spec("openvino") is None:
        return 'openvino is not installed (pip install "sphering[openvino]")'
    if platform.machine() not in MACHINES:
        return f"openvino does not run on {platform.machine()}"
    return None


def _impossible(config: SentenceTransformersConfig) -> str | None:
    """Return why OpenVINO would give wrong vectors, or none; None where nothing speaks against it."""
    folder = locate(config).folder
    first, *rest = module_graph(folder)
    if first.kind != "Transformer":
        return f"the model begins with {first.kind}, which is no transformer"
    if any(module.kind == "Pooling" and _leaves_prompt_out(folder / module.path) for module in rest):
        return "the pooling leaves the prompt out of the mean"
    return None


def _untried(config: SentenceTransformersConfig) -> str | None:
    """Return why OpenVINO may fail; None where such models were tried."""
    if config.trust_remote_code:
        return "the model runs code of its own (trust_remote_code)"
    folder = locate(config).folder
    first, *rest = module_graph(folder)
    unknown = [module.kind for module in rest if module.kind not in TAIL]
    if unknown:
        return f"the model has the module {unknown[0]}, whose conversion was not tried"
    network = str(read_settings(folder / first.path / "config.json").get("model_type"))
    if network not in CONVERTIBLE:
        return f"the conversion of {network} networks was not tried"
    if (folder / first.path / "adapter_config.json").exists():
        return "the model has an adapter"
    return None


def _leaves_prompt_out(pooling: Path) -> bool:
    settings = pooling / "config.json"
    return settings.is_file() and read_settings(settings).get("include_prompt", True) is False
