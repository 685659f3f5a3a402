"""Near-duplicates: pairs of different texts whose different vectors have a cosine of 0.99 or more.

They are counted while the products of a search for neighbours are at hand, and what a sample has is scaled to what all
texts have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array

NEAR = 0.99
Counts = NDArray[np.int64]


class NearRows:
    """Counts, for each of n rows, how many texts are near it.

    Parameters
    ----------
    texts : ndarray, shape (n,), int64
        How many texts have the vector of each row.
    """

    def __init__(self, texts: Counts) -> None:
        self.texts = texts
        self.near = np.zeros(len(texts), dtype=np.int64)

    def count(self, start: int, products: Array, squares: Array) -> None:
        """Count in the dot products (m, n) of the rows from `start` on; those of a row with itself are −inf.

        Parameters
        ----------
        squares : ndarray, shape (n,)
            Squared norms; a zero row is near nothing.
        """
        norms = np.sqrt(np.where(squares > 0.0, squares, np.inf))
        rows, columns = np.nonzero(products >= NEAR * norms[start : start + len(products), None] * norms)
        found = np.bincount(rows, self.texts[columns], len(products)).astype(np.int64)
        self.near[start : start + len(products)] = found


def near_duplicate_pairs(found: NearRows, of: int) -> Estimate:
    """Return how many pairs of near-duplicates `of` distinct texts have, from those among a random sample of them.

    Each pair is in a sample of t of N texts with the probability t(t−1)/(N(N−1)). Pairs that share a text come
    together, so the count C has the variance of Poisson's law times D, which follows from the pairs and from the pairs
    of pairs that share a text (Frank 1977); C/D gets the exact interval of Poisson's law (Garwood 1936).

    Parameters
    ----------
    found : NearRows
        Of all rows of the sample.
    of : int
        N, the distinct texts of the corpus.
    """
    sampled = int(found.texts.sum())
    if sampled < 2:
        return undefined("fewer than two texts: there is no pair", sampled)
    looked_at = sampled * (sampled - 1) // 2
    count = float(found.texts @ found.near) / 2.0
    if sampled >= of:
        return exact(count, looked_at)
    chance = _chances(sampled, of)
    wedges = float(found.texts @ (found.near * (found.near - 1))) / 2.0
    low, high = _interval(count, _dispersion(count, wedges, chance))
    value = float(round(count / chance[0]))  # an estimate has no use for a part of a pair
    interval = (min(max(low / chance[0], count), value), max(min(high / chance[0], of * (of - 1) / 2.0), value))
    return Estimate(value, "sampled", looked_at, interval=interval)


def _chances(sampled: int, of: int) -> tuple[float, float, float]:
    """Return the probabilities that two, three and four given texts are all in the sample."""
    two = sampled * (sampled - 1.0) / (of * (of - 1.0))
    three = two * (sampled - 2.0) / max(of - 2.0, 1.0)
    return two, three, three * max(sampled - 3.0, 0.0) / max(of - 3.0, 1.0)


def _dispersion(count: float, wedges: float, chances: tuple[float, float, float]) -> float:
    """Return the variance of the count over its mean, from estimates of what the corpus has; 1 without a pair."""
    two, three, four = chances
    if count == 0.0:
        return 1.0
    edges = count / two
    shared = wedges / three if three > 0.0 else 0.0
    apart = max(edges * (edges - 1.0) / 2.0 - shared, 0.0)
    variance = count + 2.0 * wedges + 2.0 * apart * four - count**2
    return max(variance / count, 1.0 - two)


def _interval(count: float, dispersion: float) -> tuple[float, float]:
    from scipy.special import gammaincinv

    effective = count / dispersion
    low = float(gammaincinv(effective, 0.025)) if effective > 0.0 else 0.0
    return dispersion * low, dispersion * float(gammaincinv(effective + 1.0, 0.975))
