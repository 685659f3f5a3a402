"""A number of a report as JSON: how it was measured (exact or sampled, n, seed, interval) and over what."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined

Over = Literal["documents", "texts", "pairs", "tokens", "characters", "queries"]
Json = dict[str, Any]
Intervals = dict[str, tuple[float, float]]
BATCHES = 8


def number(estimate: Estimate, over: Over) -> Json:
    """Return an estimate as the JSON of one metric, with what its `n` counts."""
    return {**estimate.to_json(), "over": over}


def share_of(part: int, whole: int, missing: str) -> Estimate:
    """Return part / whole, exact over the whole; `missing` says why there is none where there is nothing."""
    return exact(part / whole, whole) if whole else undefined(missing)


def whole_counts(metrics: Mapping[str, Json], counts: Collection[str]) -> dict[str, Json]:
    """Return the metrics with the values of those that count things as integers."""
    return {
        name: {**entry, "value": int(entry["value"])} if name in counts and entry["value"] is not None else entry
        for name, entry in metrics.items()
    }


def as_sample(estimate: Estimate, *, whole: bool, seed: int, interval: tuple[float, float] | None = None) -> Estimate:
    """Return a sample's own exact number as what it is for the corpus: exact where the sample is the whole.

    Parameters
    ----------
    whole : bool
        Whether every distinct text of the corpus is in the sample.
    seed : int
        Of whatever chance chose; the texts are chosen by their hashes.
    interval : tuple of float, optional
        The 95 % interval for the corpus.
    """
    if whole or estimate.value is None:
        return estimate
    return replace(estimate, kind="sampled", seed=seed, interval=interval or estimate.interval)


def share_interval(share: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a mean of n numbers in [0, 1].

    No distribution on [0, 1] of mean p has a variance above p(1 − p), so the interval holds, conservatively, for means
    of shares too (Wilson 1927; the variance bound is Bhatia & Davis 2000).
    """
    z2 = NORMAL_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share)


def batch_interval(value: float, batches: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval of a number from its values on equal disjoint parts of the sample (batch means).

    value ± t · sd/√b, Student's t with b − 1 degrees of freedom: the variance of such a number falls as 1/n, so that of
    the whole is a b-th of that of a part (Politis & Romano 1994).

    Parameters
    ----------
    batches : sequence of float
        The number on each part, at least two.
    """
    b = len(batches)
    mean = sum(batches) / b
    deviation = math.sqrt(sum((batch - mean) ** 2 for batch in batches) / (b - 1))
    return student_interval(value, deviation / math.sqrt(b), b)


def student_interval(value: float, error: float, batches: int) -> tuple[float, float]:
    """Return value ± t · error, Student's t with one degree of freedom less than there are batches."""
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    half = float(stdtrit(batches - 1, 0.975)) * error
    return value - half, value + half


def batch_intervals(estimates: Mapping[str, Estimate], batches: Sequence[Mapping[str, Estimate]]) -> Intervals:
    """Return `batch_interval` of each number that has a value, and has one on two batches at least."""
    found = {}
    for name, estimate in estimates.items():
        values = [part[name].value for part in batches if name in part]
        known = [value for value in values if value is not None]
        if estimate.value is not None and len(known) > 1:
            found[name] = batch_interval(estimate.value, known)
    return found
