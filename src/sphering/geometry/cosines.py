"""The cosines of pairs of vectors, as a histogram, against the law of random directions.

All pairs up to 5,000 vectors, by blocked float64 GEMM; a seeded million of pairs beyond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.directions import nonzero_unit_rows
from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.law import law_cdf
from sphering.geometry.ranks import CELLS, Ranks, lattice

ALL_PAIRS_UP_TO = 5_000
SAMPLED_PAIRS = 1_000_000
BINS = 400
_ROWS = 512
_NO_PAIR = "fewer than two different usable vectors: there is no pair"


@dataclass(frozen=True)
class CosineDistribution:
    """How the cosines of pairs are distributed, and how far that is from random directions.

    Parameters
    ----------
    edges : ndarray, shape (bins + 1,)
        Bin edges from −1 to 1.
    counts : ndarray, shape (bins,), int64
        Pairs in each bin; a cosine of 1 is in the last.
    expected : ndarray, shape (bins,)
        Share of pairs in each bin under the law.
    pairs : int
    kind : {"exact", "sampled"}
    seed : int or None
    kolmogorov_smirnov : Estimate
        sup |F − F_law|; n counts pairs, the interval is that of Dvoretzky, Kiefer, Wolfowitz and Massart.
    wasserstein : Estimate
        ∫ |F − F_law| dt, the Wasserstein-1 distance; n counts pairs.
    uniformity : Estimate
        ln of the mean of exp(−2‖u − v‖²); n counts pairs.
    """

    edges: Array
    counts: NDArray[np.int64]
    expected: Array
    pairs: int
    kind: Literal["exact", "sampled"]
    seed: int | None
    kolmogorov_smirnov: Estimate
    wasserstein: Estimate
    uniformity: Estimate


def cosine_distribution(vectors: NDArray[Any], seed: int = 0, pairs: int = SAMPLED_PAIRS) -> CosineDistribution:
    """Return the distribution of the cosines between different rows.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Finite rows; zero rows have no direction and are left out.
    seed : int
        Seed of the pairs where there are more than 5,000 rows.
    pairs : int
        Number of sampled pairs.

    Raises
    ------
    InputError
        If a row is not finite.
    """
    units = nonzero_unit_rows(vectors)
    if len(units) <= ALL_PAIRS_UP_TO:
        return _describe(_all_cosines(units), units.shape[1], None)
    return _describe(_sampled_cosines(units, seed, pairs), units.shape[1], seed)


def _all_cosines(units: Array) -> Array:
    n = len(units)
    cosines = np.empty(n * (n - 1) // 2)
    filled = 0
    for start in range(0, n, _ROWS):
        block = units[start : start + _ROWS] @ units[start:].T
        rows = len(block)
        for values in (block[:, :rows][np.triu_indices(rows, 1)], block[:, rows:].ravel()):
            cosines[filled : filled + len(values)] = values
            filled += len(values)
    return np.clip(cosines, -1.0, 1.0, out=cosines)


def _sampled_cosines(units: Array, seed: int, pairs: int) -> Array:
    """Return the cosines of pairs drawn uniformly, with replacement, from all pairs of different rows."""
    generator = np.random.default_rng(seed)
    n = len(units)
    left = generator.integers(n, size=pairs)
    right = (left + 1 + generator.integers(n - 1, size=pairs)) % n
    cosines = np.empty(pairs)
    for start in range(0, pairs, 8 * _ROWS):
        part = slice(start, start + 8 * _ROWS)
        cosines[part] = np.einsum("ij,ij->i", units[left[part]], units[right[part]])
    return np.clip(cosines, -1.0, 1.0, out=cosines)


def _describe(cosines: Array, dimension: int, seed: int | None) -> CosineDistribution:
    edges = np.linspace(-1.0, 1.0, BINS + 1)
    ranks = Ranks(cosines)
    return CosineDistribution(
        edges=edges,
        counts=_counts(ranks, edges),
        expected=_bin_shares(edges, dimension),
        pairs=ranks.n,
        kind="exact" if seed is None else "sampled",
        seed=seed,
        kolmogorov_smirnov=_estimate(ranks, dimension, seed, kolmogorov_smirnov, 1.0),
        wasserstein=_estimate(ranks, dimension, seed, wasserstein, 2.0),
        uniformity=_uniformity(cosines, seed),
    )


def _counts(ranks: Ranks, edges: Array) -> NDArray[np.int64]:
    """Return how many cosines lie in each bin [low, high), the last one closed."""
    below = ranks.below(edges)
    below[-1] = ranks.n
    return np.diff(below)


def _bin_shares(edges: Array, dimension: int) -> Array:
    """Return the law's share of each bin; in one dimension its two points are in the first and the last."""
    if dimension == 1:
        shares = np.zeros(len(edges) - 1)
        shares[[0, -1]] = 0.5
        return shares
    return np.diff(law_cdf(edges, dimension))


def _estimate(ranks: Ranks, dimension: int, seed: int | None, distance: Any, width: float) -> Estimate:
    """Return a distance to the law; a sampled one with the DKW band ε = √(ln 40/(2m)) times the width it acts on."""
    if ranks.n == 0:
        return undefined(_NO_PAIR)
    value = float(distance(ranks, dimension))
    if seed is None:
        return exact(value, ranks.n)
    band = width * math.sqrt(math.log(40.0) / (2.0 * ranks.n))
    return Estimate(value, "sampled", ranks.n, seed, (max(value - band, 0.0), min(value + band, width)))


def _uniformity(cosines: Array, seed: int | None) -> Estimate:
    """Return ln mean exp(−2‖u − v‖²) = ln mean exp(4 cos − 4) over pairs (Wang & Isola 2020, t = 2).

    The interval of sampled pairs is that of a mean, by the delta method.
    """
    n = len(cosines)
    if n == 0:
        return undefined(_NO_PAIR)
    first = second = 0.0
    for start in range(0, n, 1 << 18):
        kernel = np.exp(4.0 * cosines[start : start + (1 << 18)] - 4.0)
        first += float(kernel.sum())
        second += float(kernel @ kernel)
    mean = first / n
    if seed is None:
        return exact(math.log(mean), n)
    error = NORMAL_95 * math.sqrt(max(second / n - mean**2, 0.0) / n) / mean
    return Estimate(math.log(mean), "sampled", n, seed, (math.log(mean) - error, math.log(mean) + error))


def kolmogorov_smirnov(ranks: Ranks, dimension: int) -> float:
    """Return sup_t |F(t) − F_law(t)|, to the last digit.

    F_law is costly, so it is first evaluated on a lattice: only in cells whose bound exceeds the best value so far can
    the supremum lie, and only their cosines are looked at one by one.
    """
    m = ranks.n
    if dimension == 1:
        return abs(float(ranks.before[CELLS // 2]) / m - 0.5)
    law = _law_on_lattice(dimension)
    best = float(np.maximum(np.abs(law - ranks.upto / m), np.abs(law - ranks.before / m)).max())
    bound = np.maximum(ranks.before[1:] / m - law[:-1], law[1:] - ranks.upto[:-1] / m)
    at = ranks.within(np.append(bound > best, False))
    if len(at) == 0:
        return best
    below, theory = ranks.below(at), law_cdf(at, dimension)
    upto = below + np.searchsorted(at, at, side="right") - np.searchsorted(at, at, side="left")
    return max(best, float((upto / m - theory).max()), float((theory - below / m).max()))


def wasserstein(ranks: Ranks, dimension: int) -> float:
    """Return ∫ |F(t) − F_law(t)| dt by midpoints: every other lattice point, of cells between the others."""
    return float(np.abs(ranks.upto[1::2] / ranks.n - _law_on_lattice(dimension)[1::2]).mean() * 2.0)


@lru_cache(4)  # 1 MB each; a report has two dimensions
def _law_on_lattice(dimension: int) -> Array:
    return law_cdf(lattice(), dimension)
