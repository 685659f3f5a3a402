"""What the moments of one space say: raw vectors, or the vectors that the transform gives."""

from __future__ import annotations

from dataclasses import dataclass

from sphering.geometry.angles import mean_cosine_error
from sphering.geometry.cosines import CosineDistribution
from sphering.geometry.effective_rank import second_moment
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments, merged
from sphering.geometry.rogue import contributions, largest
from sphering.geometry.spectrum import Spectrum, spectrum
from sphering.geometry.summary import TOP, extended_metrics, moment_metrics
from sphering.report.measured import Json, number
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform
from sphering.transform.image import moments_of

ROGUES = 10


@dataclass(frozen=True)
class Space:
    """The moments of a space over every document, and its spectrum (None below two vectors).

    `uncentred` has the eigenvalues and eigenvectors of X'X/n where they are asked for and there is a vector.
    """

    moments: Moments
    spectrum: Spectrum | None
    uncentred: tuple[Array, Array] | None = None
    extended: bool = False

    @property
    def directions(self) -> Array | None:
        """The eigenvectors of X'X, (d, d), as columns."""
        return None if self.uncentred is None else self.uncentred[1]


@dataclass(frozen=True)
class KnownMoments:
    """The moments of a snapshot's documents, raw and transformed, and of what its transform would be fitted on.

    Parameters
    ----------
    raw, transformed : Moments
    fitted_on : Moments, optional
        Of what the transform was fitted on, documents or distinct texts, in this snapshot: what its drift is measured
        by. By default of the documents.
    """

    raw: Moments
    transformed: Moments
    fitted_on: Moments | None = None


def space_of(moments: Moments, *, extended: bool = False) -> Space:
    """Return the space that moments are of."""
    uncentred = second_moment(moments) if extended and moments.n else None
    return Space(moments, spectrum(moments) if moments.n > 1 else None, uncentred, extended)


def space_moments(snapshot: Snapshot, transform: Transform | None = None) -> Moments:
    """Return the moments of a snapshot's vectors, raw or under a transform: of each shard, merged in their order."""
    positions = range(len(snapshot.paths))
    return merged(moments_of(snapshot.shard_vectors(each), snapshot.dimension, transform) for each in positions)


def space_metrics(space: Space) -> dict[str, Json]:
    """Return the metrics of a space over every document, by their names in a report."""
    estimates = moment_metrics(space.moments, space.spectrum)
    if space.extended:
        values = None if space.uncentred is None else space.uncentred[0]
        estimates |= extended_metrics(space.moments, space.spectrum, values)
    metrics = {_name(name): number(estimate, "documents") for name, estimate in estimates.items()}
    error = mean_cosine_error(space.moments)
    if metrics["mean_cosine"]["value"] is not None and error is not None:
        metrics["mean_cosine"]["se"] = error
    return metrics


def _name(metric: str) -> str:
    """Return a metric's name in a report: `explained_variance_10` counts top directions."""
    tops = {f"explained_variance_{top}": f"explained_variance_top{top}" for top in TOP}
    return tops.get(metric, metric)


def rogue_json(space: Space) -> list[Json] | None:
    """Return the ten coordinates that contribute most to the mean cosine; None below two vectors."""
    found = contributions(space.moments)
    if found is None:
        return None
    return [{"dimension": int(each), "contribution": float(found[each])} for each in largest(found, ROGUES)]


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
