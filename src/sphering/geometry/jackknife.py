"""How sure a number of a sample is: what it is without each eighth of the rows (the delete-group jackknife, Kott 2001).

Rows in the order of their hashes are in random order, so an eighth is a random one. Groups of n/8 rows make it hold for
quantiles too (Shao & Wu 1989). And for what depends on the number of rows, as all that neighbours say does, parts of a
sample on their own tell neither its value nor its error; seven eighths of it nearly do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

GROUPS = 8
SPARE = 14
"""Neighbours that are looked for beyond k: of k + 14 an eighth is left out, and k or more are left all but surely."""
Kept = NDArray[np.int64]


def left_out(n: int) -> Iterator[NDArray[np.bool_]]:
    """Yield the mask, (n,), of each eighth of rows that are in random order."""
    groups = np.arange(n) * GROUPS // max(n, 1)
    for group in range(GROUPS):
        yield groups == group


def jackknife_error(parts: Sequence[float | None]) -> float | None:
    """Return √(7/8 Σ(θ_i − θ̄)²) of the numbers without each eighth; None where one of them has no value."""
    known = [part for part in parts if part is not None]
    return math.sqrt((GROUPS - 1.0) * float(np.var(known))) if len(known) == GROUPS else None


def jackknife_interval(
    value: float, statistic: Callable[[Kept], float | None], n: int, within: tuple[float, float]
) -> tuple[float, float] | None:
    """Return value ± t · SE, t Student's with 7 degrees of freedom, cut to the range that the number has.

    Cost: eight times the number.

    Parameters
    ----------
    value : float
        The number on all rows.
    statistic : callable
        Takes the rows that are kept, ascending; returns None where it is not defined on these.
    n : int
        Rows.
    within : tuple of float
        Least and largest value that the number can have.

    Returns
    -------
    tuple of float, or None where there are fewer rows than two a group, or a number is not defined without one.
    """
    if n < 2 * GROUPS:
        return None
    error = jackknife_error([statistic(np.flatnonzero(~gone)) for gone in left_out(n)])
    if error is None:
        return None
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    half = float(stdtrit(GROUPS - 1, 0.975)) * error
    return max(value - half, within[0]), min(value + half, within[1])
