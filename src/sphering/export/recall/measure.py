"""Recall of a search against exact search, counted by score, with an interval over the queries; and its speed.

A hit is a returned row whose exact inner product reaches that of the k-th best, less 1e-6. Counted by id, an exact
index over a corpus with duplicates would not reach 1.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.cores import available_cores
from sphering.export.recall.trial import Trial
from sphering.export.recall.truth import DEPTH
from sphering.geometry.estimate import Estimate, undefined

K = 10
SEED = 0
CUTS = (1, K, DEPTH)
_RESAMPLES = 1000
_SECONDS = 0.25
_ROUNDS = 5


def measure(trial: Trial, *, timed: bool) -> dict[str, Any]:
    """Return what a search loses, as JSON values: Estimates with their method, and queries/s.

    `recall_at_1`, `recall_at_10`, `recall_at_100` are of a search for as many; `rescored_recall_at_10` is of the 100
    that were found, ordered again by the exact scores of their full vectors. Where there is no query they are
    undefined, with the reason; a gate on them then passes.

    Parameters
    ----------
    trial : Trial
    timed : bool
        Measure queries/s as well: all queries at once for the ten best, the median of at most five rounds.
    """
    names = [*(f"recall_at_{k}" for k in CUTS), "rescored_recall_at_10"]
    if trial.searcher is None or trial.truth is None:
        nothing = {**undefined(str(trial.reason)).to_json(), "method": trial.method}
        return dict.fromkeys(names, nothing)
    truth, searcher = trial.truth, trial.searcher
    found = {k: searcher.search(truth.raw, truth.unit, _within(trial, k)) for k in CUTS}
    shares = [truth.recalls(found[k], k) for k in CUTS] + [truth.recalls(found[DEPTH], K)]
    measured = {name: _estimate(share, trial.method) for name, share in zip(names, shares, strict=True)}
    return {**measured, **(_speed(trial) if timed else {})}


def recall_at_10(trial: Trial) -> Estimate:
    """Return the recall@10 of a trial that has a search, alone."""
    if trial.searcher is None or trial.truth is None:
        return undefined(str(trial.reason))
    found = trial.searcher.search(trial.truth.raw, trial.truth.unit, _within(trial, K))
    return _sampled(trial.truth.recalls(found, K))


def speed(trial: Trial) -> float:
    """Return queries/s: all queries at once for the ten best, the median of at most five rounds."""
    assert trial.searcher is not None and trial.truth is not None  # noqa: S101, PT018 - callers have measured
    raw, unit, k = trial.truth.raw, trial.truth.unit, _within(trial, K)
    taken: list[float] = []
    while len(taken) < _ROUNDS and (len(taken) < 2 or sum(taken) < _SECONDS):
        start = time.perf_counter()
        trial.searcher.search(raw, unit, k)
        taken.append(time.perf_counter() - start)
    return float(len(raw) / np.median(taken))


def interval(shares: NDArray[np.float64]) -> tuple[float, float]:
    """Return a 95 % interval of the mean: percentiles of 1,000 bootstrap resamples of the queries, seeded.

    Where all queries are alike the bootstrap has no width; then the rule of three bounds the share that was not seen
    (3/n; Hanley and Lippman-Hand 1983).
    """
    n = len(shares)
    if np.ptp(shares) == 0:
        value = float(shares[0])
        return max(0.0, value - 3.0 / n), min(1.0, value if value == 1.0 else value + 3.0 / n)
    picked = np.random.default_rng(SEED).integers(0, n, size=(_RESAMPLES, n))
    low, high = np.percentile(shares[picked].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _within(trial: Trial, k: int) -> int:
    """Return k, or how many rows there are where there are fewer."""
    return k if trial.truth is None else min(k, trial.truth.rows.n)


def _sampled(shares: NDArray[np.float64]) -> Estimate:
    return Estimate(float(shares.mean()), "sampled", len(shares), SEED, interval(shares))


def _estimate(shares: NDArray[np.float64], method: str) -> dict[str, Any]:
    return {**_sampled(shares).to_json(), "method": method}


def _speed(trial: Trial) -> dict[str, Any]:
    return {"queries_per_second": round(speed(trial), 1), "threads": available_cores()}
