"""Which of some candidates a held-out evaluation prefers: a more complex one only where it is clearly better.

Candidates stand in order of complexity. Each is compared with the best so far on the same items by a paired bootstrap
(Efron & Tibshirani 1993, chapter 13): items are drawn again with replacement, the statistic of both is taken on each
draw, and the candidate is taken where the lower end of the 95 % interval of its gain is above 0. So noise alone takes a
candidate in one comparison of 40, given 30 items or more, and isotropy is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sphering.errors import UnfittableError
from sphering.geometry.gram import Array

RESAMPLES = 1000
_LOWER, _UPPER = 2.5, 97.5
T = TypeVar("T")

Statistic = Callable[[Array, NDArray[np.int64]], float]
"""Of the scores of all items, (n,), that of those in some rows, which may repeat."""


@dataclass(frozen=True)
class Trial(Generic[T]):
    """What came of one candidate.

    Parameters
    ----------
    candidate : object
    value : float or None
        The statistic of its held-out scores; None where it could not be fitted.
    against : object or None
        The choice that it was compared with: the best of those before it; None for the first.
    gain : float or None
        Its value less that of `against`.
    interval : tuple of float or None
        95 % interval of the gain.
    taken : bool
        Whether it became the choice.
    reason : str or None
        Why there is no value.
    """

    candidate: T
    value: float | None
    against: T | None = None
    gain: float | None = None
    interval: tuple[float, float] | None = None
    taken: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Selection(Generic[T]):
    """The choice, and what came of each candidate."""

    choice: T
    trials: tuple[Trial[T], ...]


def select(candidates: Sequence[T], scores: Callable[[T], Array], statistic: Statistic, seed: int = 0) -> Selection[T]:
    """Return the candidate that held-out scores prefer, and the table of all.

    Cost: 2,000 statistics a candidate.

    Parameters
    ----------
    candidates : sequence
        In order of complexity; the first is what holds where nothing is clearly better.
    scores : callable
        Gives a candidate's held-out score of each item, (n,) float64. May raise UnfittableError: the reason stands in
        the table. The first candidate must have scores.
    statistic : callable
        See `Statistic`; higher is better.
    seed : int
        Of the draws, which are the same for all candidates.
    """
    first, *others = candidates
    best, best_scores = first, scores(first)
    n = len(best_scores)
    every = np.arange(n, dtype=np.int64)
    draws = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
    of_best = _resampled(statistic, best_scores, draws)
    trials = [Trial(first, statistic(best_scores, every), taken=True)]
    for candidate in others:
        try:
            found = scores(candidate)
        except UnfittableError as error:
            trials.append(Trial(candidate, None, best, reason=str(error).splitlines()[0]))
            continue
        of_candidate = _resampled(statistic, found, draws)
        low, high = np.percentile(of_candidate - of_best, [_LOWER, _UPPER])
        value = statistic(found, every)
        gain, taken = value - statistic(best_scores, every), bool(0.0 < low < high)
        trials.append(Trial(candidate, value, best, gain, (float(low), float(high)), taken))
        if taken:
            best, best_scores, of_best = candidate, found, of_candidate
    return Selection(best, tuple(trials))


def _resampled(statistic: Statistic, scores: Array, draws: NDArray[Any]) -> Array:
    return np.array([statistic(scores, rows) for rows in draws])
