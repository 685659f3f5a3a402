"""Hubs: vectors that are among the nearest neighbours of many others, and antihubs, which nothing ever finds.

N_k(i), the k-occurrence of row i, is how many other rows have it among their k nearest neighbours; its mean is k. In
high dimensions, and around a common direction, it is far from equal (Radovanović, Nanopoulos & Ivanović 2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.neighbours import Rows

Counts = NDArray[np.int64]
HUBNESS_SHARES = ("hubness_robin_hood", "hubness_antihub")
HUBNESS = ("hubness_skewness", *HUBNESS_SHARES)


def k_occurrence(rows: Rows) -> Counts:
    """Return N_k of each row, (n,), from the (n, k) neighbours of n rows; no row is its own neighbour."""
    return np.bincount(rows.ravel(), minlength=len(rows)).astype(np.int64)


def occurrence_counts(occurrence: Counts) -> Counts:
    """Return how many rows have N_k = 0, 1, … up to the largest that there is."""
    return np.bincount(occurrence).astype(np.int64)


def hubness(rows: Rows) -> dict[str, Estimate]:
    """Return the three numbers of hubness of an (n, k) array of neighbours, by their names in `HUBNESS`."""
    occurrence, k = k_occurrence(rows), rows.shape[1]
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
