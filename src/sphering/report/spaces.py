"""What the moments of one space say: raw vectors, or the vectors that the transform gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.angles import mean_cosine_error
from sphering.geometry.cosines import CosineDistribution
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import Spectrum, spectrum
from sphering.geometry.summary import TOP, moment_metrics
from sphering.progress import current
from sphering.report.measured import Json, number
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

STEP = "report"


@dataclass(frozen=True)
class Space:
    """The moments of a space over every document, its spectrum (None below two vectors), and the mean of its norms."""

    moments: Moments
    spectrum: Spectrum | None
    norm_mean: Estimate


def measure_spaces(snapshot: Snapshot, transform: Transform, raw: Moments | None) -> tuple[Space, Space]:
    """Return the raw and the transformed space, in one pass over the vectors.

    Parameters
    ----------
    raw : Moments, optional
        Moments of the raw vectors where the caller has them already.
    """
    before = Moments.empty(snapshot.dimension) if raw is None else raw
    after = Moments.empty(transform.dimension_out)
    totals = np.zeros(2)
    for block in snapshot.vectors():
        finite = block if np.isfinite(block).all() else block[np.isfinite(block).all(axis=1)]
        images = transform.apply(finite)
        if raw is None:
            before.update(block)
        after.update(images)
        after.non_finite += len(block) - len(finite)
        totals += _norm_sum(finite), _norm_sum(images)
        current().advance(STEP, len(block))
    return _space(before, totals[0]), _space(after, totals[1])


def _norm_sum(vectors: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)).sum())


def _space(moments: Moments, norms: float) -> Space:
    mean = exact(norms / moments.n, moments.n) if moments.n else undefined("no usable vector")
    return Space(moments, spectrum(moments) if moments.n > 1 else None, mean)


def space_metrics(space: Space) -> dict[str, Json]:
    """Return the metrics of a space over every document, by their names in a report."""
    estimates = {**moment_metrics(space.moments, space.spectrum), "norm_mean": space.norm_mean}
    metrics = {_name(name): number(estimate, "documents") for name, estimate in estimates.items()}
    error = mean_cosine_error(space.moments)
    if metrics["mean_cosine"]["value"] is not None:
        metrics["mean_cosine"]["se"] = error
    return metrics


def _name(metric: str) -> str:
    """Return a metric's name in a report: `explained_variance_10` counts top directions."""
    tops = {f"explained_variance_{top}": f"explained_variance_top{top}" for top in TOP}
    return tops.get(metric, metric)


def spectrum_json(space: Space) -> Json | None:
    """Return the eigenvalues of the covariance, descending, with the rank above which they are rounding noise."""
    if space.spectrum is None:
        return None
    found = space.spectrum
    return {
        "values": [float(value) for value in found.values],
        "rank": found.rank,
        "noise_level": float(found.threshold),
        "n": found.n,
    }


def angles_json(distribution: CosineDistribution, *, whole: bool) -> Json:
    """Return the histogram of cosines and the law's share of each bin; bins are equally wide from −1 to 1."""
    kind = distribution.kind if whole else "sampled"
    return {
        "edges": [float(distribution.edges[0]), float(distribution.edges[-1])],
        "counts": [int(count) for count in distribution.counts],
        "law": [round(float(share), 12) for share in distribution.expected],
        "pairs": distribution.pairs,
        "kind": kind,
        "seed": distribution.seed,
    }
