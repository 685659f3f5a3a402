"""The product A'A of a block of rows: NumPy's symmetric update on one CPU thread, or an NVIDIA GPU through PyTorch."""

from __future__ import annotations

from functools import cache

import numpy as np

from sphering.accelerator import has_nvidia_device
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array

_GPU_ROWS = 1024  # fewer are multiplied before PyTorch is imported, which takes seconds


def self_product(rows: Array) -> Array:
    """Return A'A of a block of rows A, float64.

    On a CPU one BLAS thread makes it: with AVX-512 the bits of OpenBLAS' symmetric update depend on how many share it.
    A GPU, where there is one and it has room, has other last bits: they agree to 1e-10.

    Parameters
    ----------
    rows : ndarray, shape (n, k), float64

    Returns
    -------
    ndarray, shape (k, k), float64
        Symmetric.
    """
    device = _gpu() if has_nvidia_device() and len(rows) >= _GPU_ROWS else None
    found = None if device is None else torch_product(rows, device)
    return cpu_product(rows) if found is None else found


@one_blas_thread()
def cpu_product(rows: Array) -> Array:
    """Return A'A by NumPy, which multiplies one triangle and copies it to the other."""
    return np.asarray(rows.T @ rows)


def torch_product(rows: Array, device: str) -> Array | None:
    """Return A'A by PyTorch on a device of its own name for it; None where that has no memory left."""
    import torch

    try:
        with torch.no_grad():
            there = torch.from_numpy(rows).to(device)
            product: Array = (there.T @ there).cpu().numpy()
    except torch.OutOfMemoryError:
        return None
    return (product + product.T) / 2.0


@cache
def _gpu() -> str | None:
    """Return PyTorch's name of the GPU; None where PyTorch is not installed or does not see one."""
    try:
        import torch
    except ImportError:
        return None
    return "cuda" if torch.cuda.is_available() else None
