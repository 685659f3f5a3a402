"""The spectrum that noise alone would have: the law of Marchenko and Pastur (1967).

Eigenvalues of the sample covariance of n vectors of independent noise of variance s² in d dimensions lie, for large n
and d with γ = d/n <= 1, in [s²(1 − √γ)², s²(1 + √γ)²].
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.spectrum import NO_VARIANCE, Spectrum

_STEPS = 20_000
_FEW = "no more vectors than directions: the noise has no edge"


def law_median(ratio: float) -> float:
    """Return the median of the law at variance 1 and γ = `ratio`, above 0 and at most 1; to about 1e-8.

    With l = 1 + γ + 2√γ cos θ the density √((l₊ − l)(l − l₋))/(2πγl) becomes 2 sin²θ/(πl), without a singular end.
    """
    angles = (np.arange(_STEPS) + 0.5) * np.pi / _STEPS
    values = 1.0 + ratio - 2.0 * math.sqrt(ratio) * np.cos(angles)
    below = np.cumsum(2.0 * np.sin(angles) ** 2 / values) / _STEPS
    edges = 1.0 + ratio - 2.0 * math.sqrt(ratio) * np.cos(angles + 0.5 * np.pi / _STEPS)
    return float(np.interp(0.5, below, edges))


_median = lru_cache(8)(law_median)


def marchenko_pastur(spectrum: Spectrum) -> tuple[Estimate, Estimate]:
    """Return the upper edge l₊ = s²(1 + √γ)² and how many eigenvalues exceed it.

    s² is the median eigenvalue over the law's median (Gavish & Donoho 2014), both of the retained directions: dead
    coordinates are no noise. Real spectra are not white, so this is a floor below which nothing stands out, no more.
    """
    d, n = spectrum.rank, spectrum.n - 1  # a covariance has n − 1 degrees of freedom
    if d == 0:
        return (undefined(NO_VARIANCE, spectrum.n),) * 2
    if n <= d:
        return (undefined(_FEW, spectrum.n),) * 2
    values, ratio = spectrum.values[:d], d / n
    edge = float(np.median(values)) / _median(ratio) * (1.0 + math.sqrt(ratio)) ** 2
    return exact(edge, spectrum.n), exact(int(np.sum(values > edge)), spectrum.n)
