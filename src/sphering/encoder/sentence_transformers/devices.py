"""Which devices PyTorch computes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sphering.errors import ModelError

CPU = "cpu"
AUTO = "auto"


def devices(wish: str) -> list[str]:
    """Return PyTorch's names of the devices that a wish stands for, one or several.

    Parameters
    ----------
    wish : str
        ``auto``: every GPU, else the CPU; ``cuda``: every GPU; or one device, such as ``cuda:1``, ``mps`` or ``cpu``.

    Raises
    ------
    ModelError
        If it is not here.
    """
    found = _accelerators()
    if wish == AUTO:
        return found or [CPU]
    chosen = [name for name in [*found, CPU] if name == wish or name.partition(":")[0] == wish]
    if not chosen:
        raise ModelError(
            f"the device {wish!r} is not here",
            expected=f"one of {', '.join([AUTO, CPU, *found])}",
            where="[encoder] device",
            remedy='set device = "auto", or install a PyTorch that is built for the device',
        )
    return chosen


def _accelerators() -> list[str]:
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else []


def describe(names: Sequence[str]) -> dict[str, Any]:
    """Return what of accelerators may change a bit, as JSON values; empty where there is none."""
    import torch

    if not names:
        return {}
    if not names[0].startswith("cuda"):
        return {"devices": list(names)}
    return {
        "devices": sorted({torch.cuda.get_device_name(name) for name in names}),
        "cuda": torch.version.cuda,
        "tf32": bool(torch.backends.cuda.matmul.allow_tf32),
    }
