"""Whether a probability is one, and what a bound on the cosine lets through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array

BINS = 10


@dataclass(frozen=True)
class Bound:
    """What a lowest cosine lets through.

    Parameters
    ----------
    cosine : float
        The bound.
    accepted : int
        Answers of at least this cosine.
    right : int
        Those of them that are right.
    expected : int
        Right answers that there are, found or not.
    """

    cosine: float
    accepted: int
    right: int
    expected: int

    @property
    def precision(self) -> float:
        """right/accepted."""
        return self.right / self.accepted

    @property
    def recall(self) -> float:
        """right/expected."""
        return self.right / self.expected


def calibration_error(confidence: Array, correct: NDArray[np.bool_]) -> Estimate:
    """Return the expected calibration error: by how much probabilities differ from the shares that come true.

    Σ_b n_b/n |mean confidence − share correct| over ten bins of equally many items in the order of their confidence
    (Naeini et al. 2015; equal counts: Nixon et al. 2019). It is not negative, so chance makes it larger: about
    0.8 √(p(1 − p)·10/n) for a perfect model. It has no interval.

    Parameters
    ----------
    confidence : ndarray, shape (n,), float64
    correct : ndarray, shape (n,), bool
    """
    n = len(confidence)
    if n < BINS:
        return undefined(f"{n} items do not fill {BINS} bins", n)
    order = np.argsort(confidence, kind="stable")
    gaps = np.array_split((confidence - correct)[order], BINS)
    return exact(sum(abs(float(gap.sum())) for gap in gaps) / n, n)


def bounds(cosines: NDArray[Any], right: NDArray[np.bool_], expected: int) -> list[Bound]:
    """Return what bounds at the nine deciles of the cosines let through, ascending, each cosine once.

    Parameters
    ----------
    cosines : ndarray, shape (n,)
        Of answers.
    right : ndarray, shape (n,), bool
    expected : int
        Right answers that there are; none gives no bound.
    """
    if not len(cosines) or not expected:
        return []
    wide = cosines.astype(np.float64)
    # A cosine of an answer, rounded down: what is shown lets through what was counted.
    chosen = np.unique(np.floor(np.quantile(wide, np.arange(1, 10) / 10, method="lower") * 1e4) / 1e4)
    order = np.argsort(wide, kind="stable")
    hits = np.concatenate([np.cumsum(right[order][::-1])[::-1], [0]])
    first = np.searchsorted(wide[order], chosen, side="left")
    return [
        Bound(float(cosine), len(wide) - int(place), int(hits[place]), expected)
        for cosine, place in zip(chosen, first, strict=True)
    ]
