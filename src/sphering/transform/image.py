"""The moments of vectors under a transform."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.moments import Moments
from sphering.transform.affine import Transform


def moments_of(blocks: Iterable[NDArray[Any]], dimension: int, transform: Transform | None = None) -> Moments:
    """Return the moments of raw vectors, or of what a transform makes of them.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (m, dimension)
        Rows that are not finite are counted as such; a transform is not applied to them.
    dimension : int
        Of the raw vectors.
    transform : Transform, optional
    """
    moments = Moments.empty(dimension if transform is None else transform.dimension_out)
    for block in blocks:
        if transform is None:
            moments.update(block)
            continue
        finite = np.isfinite(block).all(axis=1)
        moments.update(transform.apply(block if finite.all() else block[finite]))
        moments.non_finite += len(block) - int(finite.sum())
    return moments
