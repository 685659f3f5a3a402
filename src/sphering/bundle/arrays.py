"""transform.npz and apply.py: the transform for vectors from elsewhere, with NumPy alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from sphering.transform import Transform
from sphering.transform.application import noise_share
from sphering.transform.guard import Limits

ARRAYS = "transform.npz"
APPLY = "apply.py"


def write_arrays(transform: Transform, folder: Path) -> None:
    """Write a transform as arrays of float64, and beside them the file that applies and guards it."""
    limits = Limits.of(transform)
    arrays = {
        "encoder": np.array(transform.encoder),
        "mean": transform.mean,
        "noise": np.array(noise_share(transform.matrix, np.dtype(np.float32))),
        "fitted_mean": transform.fitted_mean,
        "dead": np.array(transform.dead, dtype=np.int64),
        "least_square": np.array(limits.least),
        "most_square": np.array(limits.most),
        "most_dead_square": np.array(limits.dead),
    }
    if transform.matrix is not None:
        arrays["matrix"] = transform.matrix
    with (folder / ARRAYS).open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    shutil.copyfile(Path(__file__).with_name(APPLY), folder / APPLY)
