"""What `extended = true` measures on a sample beside the usual numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate, undefined
from sphering.geometry.gram import Array
from sphering.geometry.intrinsic_dimension import mle_dimension, neighbour_distances, two_nn
from sphering.geometry.partition import partition_isotropy
from sphering.report.measured import BATCHES, Json, as_sample, batch_intervals, number


def extended_sample(
    vectors: NDArray[np.float32], directions: Array | None, seed: int, *, whole: bool
) -> dict[str, Json]:
    """Return the extended metrics of a sample of distinct vectors.

    Parameters
    ----------
    directions : ndarray, shape (d, d), or None
        The eigenvectors of X'X over all documents; None where there is no vector.
    """
    estimates = {"partition_isotropy": _partition(vectors, directions), **_dimensions(vectors)}
    intervals = {} if whole else batch_intervals(estimates, [_dimensions(part) for part in _parts(vectors)])
    return {
        name: number(as_sample(estimate, whole=whole, seed=seed, interval=intervals.get(name)), "texts")
        for name, estimate in estimates.items()
    }


def _partition(vectors: NDArray[np.float32], directions: Array | None) -> Estimate:
    return undefined("no usable vector") if directions is None else partition_isotropy(vectors, directions)


def _dimensions(vectors: NDArray[np.float32]) -> dict[str, Estimate]:
    distances = neighbour_distances(vectors)
    return {"twonn_dimension": two_nn(distances), "mle_dimension": mle_dimension(distances)}


def _parts(vectors: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return np.array_split(vectors, BATCHES)
