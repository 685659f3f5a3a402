"""The dimension of the surface that vectors lie on, from how distances to their nearest neighbours grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.duplicates import distinct_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.jackknife import SPARE, jackknife_error, left_out
from sphering.geometry.neighbours import Rows, neighbours

MLE_NEIGHBOURS = 20
_BLOCK = 256
_EQUAL = "all distances to neighbours are equal: they do not grow with a dimension"


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbours of distinct rows, the nearest first: which rows and how far, both (m, k)."""

    rows: Rows
    distances: Array

    def without(self, gone: NDArray[np.bool_], k: int) -> Array:
        """Return the distances to the k nearest of the rows that are not gone, without those that have fewer."""
        there = ~gone[self.rows[~gone]]
        order = np.argsort(~there, axis=1, kind="stable")[:, :k]
        nearest = np.take_along_axis(self.distances[~gone], order, axis=1)
        enough: Array = nearest[there.sum(axis=1) >= k]
        return enough


def nearest_neighbours(vectors: NDArray[Any], k: int = MLE_NEIGHBOURS) -> Nearest:
    """Return the k nearest neighbours of each distinct row by Euclidean distance, or all others where they are fewer.

    Distances are taken of differences: from dot products, those of near-duplicates would be rounding.
    """
    wide = vectors[distinct_rows(vectors)].astype(np.float64)
    k = min(k, len(wide) - 1)
    if k < 1:
        return Nearest(np.empty((len(wide), 0), np.int64), np.empty((len(wide), 0)))
    rows = neighbours(wide, k, ["euclidean"])["euclidean"]
    found = np.empty((len(wide), k))
    for start in range(0, len(wide), _BLOCK):
        block = wide[start : start + _BLOCK, None] - wide[rows[start : start + _BLOCK]]
        found[start : start + _BLOCK] = np.sqrt(np.einsum("ijk,ijk->ij", block, block))
    order = np.argsort(found, axis=1, kind="stable")
    return Nearest(np.take_along_axis(rows, order, axis=1), np.take_along_axis(found, order, axis=1))


def dimensions(distances: Array) -> dict[str, Estimate]:
    """Return both dimensions by their names in a report."""
    return {"twonn_dimension": two_nn(distances), "mle_dimension": mle_dimension(distances)}


def dimension_errors(nearest: Nearest) -> dict[str, float]:
    """Return the standard errors of both by the jackknife, where `SPARE` neighbours more than the 20 are known.

    Rows are in random order. There are none of fewer than 35 different rows.
    """
    if nearest.rows.shape[1] < MLE_NEIGHBOURS + SPARE:
        return {}
    parts = [dimensions(nearest.without(gone, MLE_NEIGHBOURS)) for gone in left_out(len(nearest.rows))]
    errors = {name: jackknife_error([part[name].value for part in parts]) for name in parts[0]}
    return {name: error for name, error in errors.items() if error is not None}


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
