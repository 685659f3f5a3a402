"""What a cosine means: the probability that a hit is right, whether it is one, and what a bound lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.calibration import Bound, bounds, calibration_error
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.likelihood import Candidates, divergence, fit_alpha, softmax, top_probability
from sphering.geometry.means import mean_estimate
from sphering.report.measured import Json, Over, number, share_interval

METRICS = ("alpha", "log_likelihood", "entropy", "calibration_error")
DIVERGENCE = "kl_raw_transformed"
_NOTHING = "no query"


@dataclass(frozen=True)
class _HeldOut:
    """What a fit on one half of the queries says of the other half: (q,) each, the last one bool."""

    log_likelihood: Array
    confidence: Array
    right: NDArray[np.bool_]


def confidence_metrics(
    raw: Candidates, transformed: Candidates, over: Over, mark: Callable[[Estimate], Estimate]
) -> tuple[Json, Json]:
    """Return the numbers of P(d|q) = softmax(α cos) of the raw vectors and under the transform.

    Parameters
    ----------
    raw, transformed : Candidates
        The same queries and candidates in both spaces.
    over : str
        What the queries are.
    mark : callable
        Says of a number how the candidates were chosen.
    """
    alphas = [fit_alpha(raw), fit_alpha(transformed)]
    metrics = [_metrics(each, alpha) for each, alpha in zip((raw, transformed), alphas, strict=True)]
    metrics[1][DIVERGENCE] = _divergence(raw, transformed, alphas)
    before, after = (
        {name: number(mark(estimate), over) for name, estimate in found.items()} | _thresholds(each, over)
        for found, each in zip(metrics, (raw, transformed), strict=True)
    )
    return before, after


def no_confidence(reason: str, over: Over) -> tuple[Json, Json]:
    """Return the same numbers where there is nothing to measure."""
    missing = number(undefined(reason), over)
    raw: Json = {**dict.fromkeys(METRICS, missing), "thresholds": {}}
    return raw, {**raw, DIVERGENCE: missing}


def bounds_json(found: Sequence[Bound], answers: int, over: Over) -> Json:
    """Return, by the lowest cosine, what share of answers it lets through, and the precision and recall of these."""
    return {
        f"{bound.cosine:.4f}": {
            "accepted": number(_share(bound.accepted, answers), over),
            "precision": number(_share(bound.right, bound.accepted), over),
            "recall": number(_share(bound.right, bound.expected), over),
        }
        for bound in found
    }


def _share(part: int, whole: int) -> Estimate:
    return exact(part / whole, whole, share_interval(part / whole, whole))


def _metrics(candidates: Candidates, alpha: Estimate) -> dict[str, Estimate]:
    if alpha.value is None:
        return dict.fromkeys(METRICS, alpha)
    held_out = _held_out(candidates)
    entropy = mean_estimate(softmax(candidates, alpha.value).entropy, _NOTHING, least=0.0)
    if isinstance(held_out, Estimate):
        return {"alpha": alpha, "log_likelihood": held_out, "entropy": entropy, "calibration_error": held_out}
    return {
        "alpha": alpha,
        "log_likelihood": mean_estimate(held_out.log_likelihood, _NOTHING),
        "entropy": entropy,
        "calibration_error": calibration_error(held_out.confidence, held_out.right),
    }


def _held_out(candidates: Candidates) -> _HeldOut | Estimate:
    """Return what α, fitted on every other query, says of the rest; or why there is none."""
    n = len(candidates.cosines)
    found = _HeldOut(np.empty(n), np.empty(n), np.empty(n, dtype=bool))
    second = np.arange(n) % 2 == 1
    for chosen in (second, ~second):
        alpha = fit_alpha(candidates.of(~chosen))
        if alpha.value is None:
            return undefined(f"half of the queries give no α: {alpha.reason}", n)
        rest = candidates.of(chosen)
        found.log_likelihood[chosen] = softmax(rest, alpha.value).log_likelihood
        found.confidence[chosen], found.right[chosen] = top_probability(rest, alpha.value)
    return found


def _divergence(raw: Candidates, transformed: Candidates, alphas: Sequence[Estimate]) -> Estimate:
    before, after = (alpha.value for alpha in alphas)
    if before is None or after is None:
        return next(alpha for alpha in alphas if alpha.value is None)
    return mean_estimate(divergence(raw, before, transformed, after), _NOTHING, least=0.0)


def _thresholds(candidates: Candidates, over: Over) -> Json:
    """Return what bounds on the nearest candidate's cosine let through."""
    nearest = candidates.cosines.argmax(axis=1)[:, None]
    cosines = np.take_along_axis(candidates.cosines, nearest, axis=1)[:, 0]
    right = np.take_along_axis(candidates.relevant, nearest, axis=1)[:, 0]
    return {"thresholds": bounds_json(bounds(cosines, right, len(right)), len(right), over)}
