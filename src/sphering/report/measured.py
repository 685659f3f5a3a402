"""A number of a report as JSON: how it was measured (exact or sampled, n, seed, interval) and over what."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

from sphering.geometry.estimate import NORMAL_95, Estimate

Over = Literal["documents", "texts", "pairs", "tokens"]
Json = dict[str, Any]


def number(estimate: Estimate, over: Over) -> Json:
    """Return an estimate as the JSON of one metric, with what its `n` counts."""
    return {**estimate.to_json(), "over": over}


def as_sample(estimate: Estimate, *, whole: bool, interval: tuple[float, float] | None = None) -> Estimate:
    """Return a sample's own exact number as what it is for the corpus: exact where the sample is the whole.

    Parameters
    ----------
    whole : bool
        Whether every distinct text of the corpus is in the sample.
    interval : tuple of float, optional
        The 95 % interval for the corpus.
    """
    if whole or estimate.value is None:
        return estimate
    return replace(estimate, kind="sampled", interval=interval or estimate.interval)


def share_interval(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a mean of n numbers in [0, 1].

    No distribution on [0, 1] of mean p has a variance above p(1 − p), so the interval holds, conservatively, for means
    of shares too (Wilson 1927; the variance bound is Bhatia & Davis 2000).
    """
    z2 = NORMAL_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def pair_band(value: float, texts: int, pairs: int | None, *, width: float) -> tuple[float, float]:
    """Return a conservative 95 % interval of a distance between distributions of pairs, from a sample of texts.

    All pairs of n texts say as much as at least n/2 independent pairs (Hoeffding 1963), hence the band of Dvoretzky,
    Kiefer, Wolfowitz and Massart with m = n/2, times the width that the distance acts on.

    Parameters
    ----------
    texts : int
        Texts in the sample.
    pairs : int or None
        Pairs drawn from them, where not all were used: their band is added.
    """
    half = width * (_band(texts // 2) + (0.0 if pairs is None else _band(pairs)))
    return max(value - half, 0.0), min(value + half, width)


def _band(independent: int) -> float:
    return math.sqrt(math.log(40.0) / (2.0 * max(independent, 1)))
