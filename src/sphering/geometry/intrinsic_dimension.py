"""The dimension of the surface that vectors lie on, from how distances to their nearest neighbours grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.duplicates import distinct_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.neighbours import neighbours

MLE_NEIGHBOURS = 20
_BLOCK = 256
_EQUAL = "all distances to neighbours are equal: they do not grow with a dimension"


def neighbour_distances(vectors: NDArray[Any], k: int = MLE_NEIGHBOURS) -> Array:
    """Return the Euclidean distances of each distinct row to its nearest neighbours, ascending, (m, k') float64.

    k' is k, or the number of other distinct rows where that is smaller. Distances are taken of differences: from dot
    products, those of near-duplicates would be rounding.
    """
    wide = vectors[distinct_rows(vectors)].astype(np.float64)
    k = min(k, len(wide) - 1)
    if k < 1:
        return np.empty((len(wide), 0))
    rows = neighbours(wide, k, ["euclidean"])["euclidean"]
    found = np.empty((len(wide), k))
    for start in range(0, len(wide), _BLOCK):
        block = wide[start : start + _BLOCK, None] - wide[rows[start : start + _BLOCK]]
        found[start : start + _BLOCK] = np.sqrt(np.einsum("ijk,ijk->ij", block, block))
    return np.sort(found, axis=1)


def two_nn(distances: Array) -> Estimate:
    """Return the TwoNN dimension (n − 1)/Σ ln(r_2/r_1) (Facco et al. 2017), by maximum likelihood.

    Its interval is that of the model, exactly: 2dL ~ χ²(2n) with L the sum, [χ²_.025/(2L), χ²_.975/(2L)]. Where most
    texts have a near-duplicate, it measures how they pair.

    Parameters
    ----------
    distances : ndarray, shape (n, k), k >= 2
        Ascending, of distinct rows.
    """
    n = len(distances)
    if distances.shape[1] < 2:
        return undefined("fewer than three different vectors: no second neighbour", n)
    total = float(np.log(distances[:, 1] / distances[:, 0]).sum())
    if total <= 0.0:
        return undefined(_EQUAL, n)
    from scipy.special import gammaincinv  # χ²_q(2n)/2 is gammaincinv(n, q)

    low, high = (float(gammaincinv(n, quantile)) / total for quantile in (0.025, 0.975))
    return exact((n - 1) / total, n, (low, high))


def mle_dimension(distances: Array, k: int = MLE_NEIGHBOURS) -> Estimate:
    """Return the dimension of Levina & Bickel (2004), k neighbours, averaged as MacKay & Ghahramani (2005) do.

    1/d_i = Σ_{j<k} ln(r_k/r_j)/(k − 1); d = 1/mean(1/d_i).

    Parameters
    ----------
    distances : ndarray, shape (n, k)
        Ascending, of distinct rows.
    """
    n = len(distances)
    if distances.shape[1] < k:
        return undefined(f"{n} different vectors have no {k} neighbours each", n)
    inverse = np.log(distances[:, k - 1 : k] / distances[:, : k - 1]).sum(axis=1) / (k - 1)
    mean = float(inverse.mean())
    return exact(1.0 / mean, n) if mean > 0.0 else undefined(_EQUAL, n)
