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

from sphering.errors import InputError
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.law import law_cdf

ALL_PAIRS_UP_TO = 5_000
SAMPLED_PAIRS = 1_000_000
BINS = 400
_GRID = 1 << 16
_ROWS = 512


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
    """

    edges: Array
    counts: NDArray[np.int64]
    expected: Array
    pairs: int
    kind: Literal["exact", "sampled"]
    seed: int | None
    kolmogorov_smirnov: Estimate
    wasserstein: Estimate


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
    units = unit_rows(vectors)
    if len(units) <= ALL_PAIRS_UP_TO:
        return _describe(_all_cosines(units), units.shape[1], None)
    return _describe(_sampled_cosines(units, seed, pairs), units.shape[1], seed)


def unit_rows(vectors: NDArray[Any]) -> Array:
    """Return the rows that are not zero, normalised, in float64.

    Raises
    ------
    InputError
        If a row is not finite.
    """
    wide = vectors.astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    if not np.isfinite(norms).all():
        bad = int(np.argmin(np.isfinite(norms)))
        raise InputError(f"row {bad} is not finite", expected="finite vectors", remedy="leave such rows out")
    kept = norms > 0.0
    return np.asarray(wide[kept] / norms[kept, None])


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
    """Describe cosines, which are sorted in place: there are 12.5 million at most."""
    cosines.sort()
    edges = np.linspace(-1.0, 1.0, BINS + 1)
    return CosineDistribution(
        edges=edges,
        counts=_counts(cosines, edges),
        expected=_bin_shares(edges, dimension),
        pairs=len(cosines),
        kind="exact" if seed is None else "sampled",
        seed=seed,
        kolmogorov_smirnov=_estimate(cosines, dimension, seed, kolmogorov_smirnov, 1.0),
        wasserstein=_estimate(cosines, dimension, seed, wasserstein, 2.0),
    )


def _counts(cosines: Array, edges: Array) -> NDArray[np.int64]:
    """Return how many sorted cosines lie in each bin [low, high), the last one closed."""
    ranks = np.searchsorted(cosines, edges, side="left")
    ranks[-1] = len(cosines)
    return np.diff(ranks).astype(np.int64)


def _bin_shares(edges: Array, dimension: int) -> Array:
    """Return the law's share of each bin; in one dimension its two points are in the first and the last."""
    if dimension == 1:
        shares = np.zeros(len(edges) - 1)
        shares[[0, -1]] = 0.5
        return shares
    return np.diff(law_cdf(edges, dimension))


def _estimate(cosines: Array, dimension: int, seed: int | None, distance: Any, width: float) -> Estimate:
    """Return a distance to the law; a sampled one with the DKW band ε = √(ln 40/(2m)) times the width it acts on."""
    if len(cosines) == 0:
        return undefined("fewer than two usable vectors: there is no pair")
    value = float(distance(cosines, dimension))
    if seed is None:
        return exact(value, len(cosines))
    band = width * math.sqrt(math.log(40.0) / (2.0 * len(cosines)))
    return Estimate(value, "sampled", len(cosines), seed, (max(value - band, 0.0), min(value + band, width)))


def kolmogorov_smirnov(cosines: Array, dimension: int) -> float:
    """Return sup_t |F(t) − F_law(t)| for sorted `cosines`, to the last digit.

    F_law is costly, so it is first evaluated on a grid: only in cells whose bound exceeds the best value so far can
    the supremum lie, and only their cosines are looked at one by one.
    """
    if dimension == 1:
        return abs(float(np.mean(cosines < 0.0)) - 0.5)
    m = len(cosines)
    grid, theory = _law_at_edges(dimension)
    before = np.searchsorted(cosines, grid, side="left")
    upto = np.searchsorted(cosines, grid, side="right")
    best = float(np.maximum(np.abs(theory - upto / m), np.abs(theory - before / m)).max())
    bound = np.maximum(before[1:] / m - theory[:-1], theory[1:] - upto[:-1] / m)
    cells = np.flatnonzero(bound > best)
    inside = np.repeat(False, m + 1)
    for cell in cells:
        inside[upto[cell] : before[cell + 1]] = True
    at = cosines[inside[:m]]
    if len(at) == 0:
        return best
    law = law_cdf(at, dimension)
    above = np.searchsorted(cosines, at, side="right") / m - law
    under = law - np.searchsorted(cosines, at, side="left") / m
    return max(best, float(above.max()), float(under.max()))


def wasserstein(cosines: Array, dimension: int) -> float:
    """Return ∫ |F(t) − F_law(t)| dt for sorted `cosines`, by midpoints of a grid of 2^16 cells."""
    middle, theory = _law_at_middles(dimension)
    empirical = np.searchsorted(cosines, middle, side="right") / len(cosines)
    return float(np.abs(empirical - theory).mean() * 2.0)


@lru_cache(4)  # a grid takes 1 MB; a report has two dimensions
def _law_at_edges(dimension: int) -> tuple[Array, Array]:
    """Return the edges of the grid's cells, and the law there."""
    grid: Array = np.linspace(-1.0, 1.0, _GRID + 1, dtype=np.float64)
    return grid, law_cdf(grid, dimension)


@lru_cache(4)
def _law_at_middles(dimension: int) -> tuple[Array, Array]:
    """Return the middles of the grid's cells, and the law there."""
    middle = _law_at_edges(dimension)[0][:-1] + 1.0 / _GRID
    return middle, law_cdf(middle, dimension)
