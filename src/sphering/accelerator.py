"""Whether an accelerator is here, told without importing PyTorch, which takes seconds."""

from __future__ import annotations

import platform
from pathlib import Path

_NVIDIA = Path("/dev/nvidiactl")


def has_nvidia_device() -> bool:
    """Return whether the driver of an NVIDIA GPU is here."""
    return _NVIDIA.exists()


def may_have_an_accelerator() -> bool:
    """Return whether an accelerator that PyTorch computes on seems to be here."""
    return has_nvidia_device() or (platform.system() == "Darwin" and platform.machine() == "arm64")
