"""What `extended = true` measures on a sample beside the usual numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate, undefined
from sphering.geometry.gram import Array
from sphering.geometry.intrinsic_dimension import MLE_NEIGHBOURS, dimension_errors, dimensions, nearest_neighbours
from sphering.geometry.jackknife import GROUPS, SPARE
from sphering.geometry.partition import partition_isotropy
from sphering.report.measured import Intervals, Json, as_sample, number, student_interval


def extended_sample(
    vectors: NDArray[np.float32], directions: Array | None, seed: int, *, whole: bool
) -> dict[str, Json]:
    """Return the extended metrics of a sample of distinct vectors.

    Parameters
    ----------
    directions : ndarray, shape (d, d), or None
        The eigenvectors of X'X over all documents; None where there is no vector.
    """
    nearest = nearest_neighbours(vectors, MLE_NEIGHBOURS + SPARE)
    found = dimensions(nearest.distances)
    # The model's own interval, of a locally uniform law, holds in 59 of 100 samples of real sentences.
    intervals = _intervals(found, dimension_errors(nearest))
    found = {name: replace(estimate, interval=intervals.get(name)) for name, estimate in found.items()}
    estimates = {"partition_isotropy": _partition(vectors, directions), **found}
    return {name: number(as_sample(estimate, whole=whole, seed=seed), "texts") for name, estimate in estimates.items()}


def _partition(vectors: NDArray[np.float32], directions: Array | None) -> Estimate:
    return undefined("no usable vector") if directions is None else partition_isotropy(vectors, directions)


def _intervals(estimates: Mapping[str, Estimate], errors: Mapping[str, float]) -> Intervals:
    """Return Student's intervals of numbers that are not negative."""
    found = {}
    for name, error in errors.items():
        value = estimates[name].value
        if value is not None:
            low, high = student_interval(value, error, GROUPS)
            found[name] = (max(low, 0.0), high)
    return found
