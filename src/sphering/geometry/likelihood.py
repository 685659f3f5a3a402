"""Cosines as probabilities: P(d|q) = softmax(α cos) over candidates, with α by Newton on the log-likelihood.

A candidate may stand for several documents of a corpus: its weight counts them in the softmax's denominator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import NORMAL_95, Estimate, exact, undefined
from sphering.geometry.gram import Array

ALPHA_MAX = 1e4
"""No cosine of float32 vectors is known better than to 1e-7, so that above it P is a step."""
_NUMBERS = 1 << 20
_STEPS = 100
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Candidates:
    """The cosines of queries with candidates, and which of these are relevant.

    Parameters
    ----------
    cosines : ndarray, shape (q, c), float32 or float64
    relevant : ndarray, shape (q, c), bool
        At least one for each query.
    log_weights : ndarray, shape (c,), float64
        ln of the number of documents that a candidate stands for; 0 where it stands for itself.
    """

    cosines: NDArray[Any]
    relevant: NDArray[np.bool_]
    log_weights: Array

    def of(self, rows: NDArray[Any]) -> Candidates:
        """Return the same for some queries."""
        return Candidates(self.cosines[rows], self.relevant[rows], self.log_weights)


@dataclass(frozen=True)
class Softmax:
    """P(d|q) at one α, a number for each query, (q,) float64.

    Parameters
    ----------
    log_partition : ndarray
        ln Σ_d w_d exp(α cos).
    mean, variance : ndarray
        Of the cosine under P.
    target : ndarray
        The mean cosine of the relevant candidates.
    """

    alpha: float
    log_partition: Array
    mean: Array
    variance: Array
    target: Array

    @property
    def log_likelihood(self) -> Array:
        """The mean of ln P(d|q) = α cos − ln Z over the relevant candidates of each query; concave in α."""
        return np.asarray(self.alpha * self.target - self.log_partition)

    @property
    def slope(self) -> Array:
        """Its derivative by α: the mean cosine of the relevant candidates minus the expected cosine."""
        return np.asarray(self.target - self.mean)

    @property
    def curvature(self) -> Array:
        """Its second derivative by α: −Var of the cosine under P."""
        return np.asarray(-self.variance)

    @property
    def entropy(self) -> Array:
        """−Σ P ln P = ln Z − α E cos, in nats; its exponential is a number of candidates."""
        return np.asarray(np.maximum(self.log_partition - self.alpha * self.mean, 0.0))


def softmax(candidates: Candidates, alpha: float) -> Softmax:
    """Return P(d|q) at one α ≥ 0; one exponential for each pair, in blocks of a million."""
    parts = [_block(*block, candidates.log_weights, alpha) for block in _blocks(candidates)]
    columns = np.concatenate(parts, axis=1) if parts else np.empty((4, 0))
    return Softmax(alpha, *columns)


def _blocks(candidates: Candidates) -> Iterator[tuple[Array, NDArray[np.bool_]]]:
    rows = max(1, _NUMBERS // max(candidates.cosines.shape[1], 1))
    for start in range(0, len(candidates.cosines), rows):
        part = slice(start, start + rows)
        yield candidates.cosines[part].astype(np.float64), candidates.relevant[part]


def _block(cosines: Array, relevant: NDArray[np.bool_], log_weights: Array, alpha: float) -> Array:
    """Return log partition, mean, variance and target of some queries, (4, q)."""
    logits = alpha * cosines + log_weights
    largest = logits.max(axis=1, keepdims=True)
    shares = np.exp(logits - largest)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    mean = np.einsum("qc,qc->q", shares, cosines)
    variance = np.einsum("qc,qc->q", shares, (cosines - mean[:, None]) ** 2)
    target = np.where(relevant, cosines, 0.0).sum(axis=1) / relevant.sum(axis=1)
    return np.stack([(largest + np.log(total))[:, 0], mean, variance, target])


def fit_alpha(candidates: Candidates) -> Estimate:
    """Return the α that makes the relevant candidates likeliest, with a 95 % interval over queries.

    Newton's method on the mean log-likelihood, which is concave: its derivative E[target − E_P cos] falls with α. A
    step that leaves the bracket of its zero is replaced by the bracket's middle. The interval is ± 1.96 standard errors
    of the maximum of a sum over queries, √(Σ slope²)/Σ Var (Huber 1967).

    Returns
    -------
    Estimate
        Without a value where the relevant candidates are no nearer than the others, or where they are all the nearest
        and the likelihood grows with α for ever.
    """
    n = len(candidates.cosines)
    if not n:
        return undefined("no query has a relevant document")
    if float(softmax(candidates, 0.0).slope.mean()) <= 0.0:
        return undefined("relevant documents are no nearer to their queries than the others", n)
    # At α beyond its largest value rounding alone may be left of the slope.
    if float(softmax(candidates, ALPHA_MAX).slope.mean()) >= -1e-9:
        return undefined("every relevant document is the nearest: the likelihood grows with α without an end", n)
    found = softmax(candidates, _maximum(candidates))
    error = math.sqrt(float(np.sum(found.slope**2))) / float(np.sum(found.variance))
    half = NORMAL_95 * error
    return exact(found.alpha, n, (max(found.alpha - half, 0.0), found.alpha + half) if n > 1 else None)


def _maximum(candidates: Candidates) -> float:
    low, high, alpha = 0.0, ALPHA_MAX, 10.0
    for _ in range(_STEPS):
        at = softmax(candidates, alpha)
        slope, curvature = float(at.slope.mean()), float(at.curvature.mean())
        low, high = (alpha, high) if slope > 0.0 else (low, alpha)
        after = alpha - slope / curvature if curvature < 0.0 else math.inf
        if not low < after < high:
            after = 0.5 * (low + high)
        if abs(after - alpha) <= _TOLERANCE * alpha:
            return after
        alpha = after
    return alpha


def top_probability(candidates: Candidates, alpha: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return P of each query's nearest candidate, (q,), and whether that is relevant, (q,) bool."""
    nearest = candidates.cosines.argmax(axis=1)[:, None]
    cosines = np.take_along_axis(candidates.cosines, nearest, axis=1)[:, 0].astype(np.float64)
    log_p = alpha * cosines - softmax(candidates, alpha).log_partition
    return np.exp(np.minimum(log_p, 0.0)), np.take_along_axis(candidates.relevant, nearest, axis=1)[:, 0]


def divergence(before: Candidates, alpha_before: float, after: Candidates, alpha_after: float) -> Array:
    """Return KL(P ‖ Q) of each query in nats, (q,): P over the first cosines, Q over the second of the same candidates.

    Σ P (ln P − ln Q), the Bregman divergence of negative entropy: what a reader of Q loses who takes it for P.
    """
    second = softmax(after, alpha_after)
    found, start = [], 0
    for (left, _), (right, _) in zip(_blocks(before), _blocks(after), strict=True):
        logits = alpha_before * left + before.log_weights
        largest = logits.max(axis=1, keepdims=True)
        shares = np.exp(logits - largest)
        total = shares.sum(axis=1, keepdims=True)
        gain = np.einsum("qc,qc->q", shares / total, alpha_before * left - alpha_after * right)
        stop = start + len(left)
        found.append(gain - (largest + np.log(total))[:, 0] + second.log_partition[start:stop])
        start = stop
    return np.maximum(np.concatenate(found), 0.0) if found else np.empty(0)
