"""Hubs: vectors that are among the nearest neighbours of many others, and antihubs, which nothing ever finds.

N_k(i), the k-occurrence of row i, is how many other rows have it among their k nearest neighbours; its mean is k. In
high dimensions, and around a common direction, it is far from equal (Radovanović, Nanopoulos & Ivanović 2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.directions import nonzero_unit_rows
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.jackknife import SPARE, jackknife_error, left_out
from sphering.geometry.neighbours import Rows, neighbours

Counts = NDArray[np.int64]
HUBNESS = ("hubness_skewness", "hubness_robin_hood", "hubness_antihub")
_BLOCK = 256


def k_occurrence(rows: Rows) -> Counts:
    """Return N_k of each row, (n,), from the (n, k) neighbours of n rows; no row is its own neighbour."""
    return np.bincount(rows.ravel(), minlength=len(rows)).astype(np.int64)


def occurrence_counts(occurrence: Counts) -> Counts:
    """Return how many rows have N_k = 0, 1, … up to the largest that there is."""
    return np.bincount(occurrence).astype(np.int64)


def hubness(rows: Rows) -> dict[str, Estimate]:
    """Return the three numbers of hubness of an (n, k) array of neighbours, by their names in `HUBNESS`."""
    return hubness_of(k_occurrence(rows), rows.shape[1])


def hubness_of(occurrence: Counts, k: int) -> dict[str, Estimate]:
    """Return the three numbers of hubness of N_k, (n,), by their names in `HUBNESS`."""
    found = (skewness(occurrence), robin_hood(occurrence, k), antihub(occurrence))
    return dict(zip(HUBNESS, found, strict=True))


def skewness(occurrence: Counts) -> Estimate:
    """Return m3/m2^1.5 of N_k, with central moments over n: 0 where hubs and antihubs balance."""
    n = len(occurrence)
    deviation = occurrence - occurrence.mean()
    variance = float(np.mean(deviation**2))
    if variance == 0.0:
        return undefined("every vector is a neighbour equally often: no spread", n)
    return exact(float(np.mean(deviation**3)) / variance**1.5, n)


def robin_hood(occurrence: Counts, k: int) -> Estimate:
    """Return ½ Σ|N_k − k|/(nk): the share of neighbourships that would have to move to make N_k equal (Hoover)."""
    n = len(occurrence)
    return exact(0.5 * float(np.abs(occurrence - k).sum()) / (n * k), n)


def antihub(occurrence: Counts) -> Estimate:
    """Return the share of rows with N_k = 0: those that no other row finds."""
    return exact(float(np.mean(occurrence == 0)), len(occurrence))


def hubness_errors(vectors: NDArray[Any], k: int) -> dict[str, float]:
    """Return the standard errors of the numbers of hubness by cosine, by the jackknife; none where it has no spread.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Finite rows in random order, none of them zero, more than k + 1 in all.
    """
    nearest = _nearest_first(vectors, k)
    parts = [hubness_of(_without(nearest, gone, k), k) for gone in left_out(len(nearest))]
    errors = {name: jackknife_error([part[name].value for part in parts]) for name in HUBNESS}
    return {name: error for name, error in errors.items() if error is not None}


def _nearest_first(vectors: NDArray[Any], k: int) -> Rows:
    """Return the k + `SPARE` nearest rows by cosine, or all others where they are fewer, the nearest first."""
    units = nonzero_unit_rows(vectors)
    rows = neighbours(units, min(k + SPARE, len(units) - 1), ["dot_product"])["dot_product"]
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        cosines = np.einsum("id,ijd->ij", units[start : start + _BLOCK], units[block])
        rows[start : start + _BLOCK] = np.take_along_axis(block, np.argsort(-cosines, axis=1, kind="stable"), axis=1)
    return rows


def _without(nearest: Rows, gone: NDArray[np.bool_], k: int) -> Counts:
    """Return N_k of the rows that are not gone, among themselves."""
    found = nearest[~gone]
    there = ~gone[found]
    chosen = found[there & (np.cumsum(there, axis=1) <= k)]
    return np.bincount(chosen, minlength=len(nearest))[~gone].astype(np.int64)
