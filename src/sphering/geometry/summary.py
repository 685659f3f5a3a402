"""Every metric that the moments alone give, under the name that it has in a report."""

from __future__ import annotations

from sphering.geometry import angles, effective_rank, participation
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.marchenko_pastur import marchenko_pastur
from sphering.geometry.moments import Moments
from sphering.geometry.rogue import rogue_share
from sphering.geometry.self_cluster import self_cluster
from sphering.geometry.spectrum import (
    NO_COVARIANCE,
    NO_VARIANCE,
    Spectrum,
    condition,
    entropy_rank,
    explained_variance,
    has_variance,
    spectrum,
)
from sphering.geometry.von_mises_fisher import vmf_kappa

TOP = (1, 10)


def moment_metrics(moments: Moments, spectral: Spectrum | None = None) -> dict[str, Estimate]:
    """Return the metrics of the moments, each with a value or the reason why there is none.

    Parameters
    ----------
    moments : Moments
    spectral : Spectrum, optional
        The spectrum of these moments where the caller has it already.
    """
    return {**_counts(moments), **_directions(moments), **_spectral(moments, spectral)}


def _counts(moments: Moments) -> dict[str, Estimate]:
    norms, mean = moments.norm_range, moments.norm_mean
    missing = undefined("no usable vector", moments.n)
    return {
        "non_finite": exact(moments.non_finite, moments.rows),
        "zero": exact(moments.zero, moments.rows),
        "norm_min": missing if norms is None else exact(norms[0], moments.n),
        "norm_mean": missing if mean is None else exact(mean, moments.n),
        "norm_max": missing if norms is None else exact(norms[1], moments.n),
    }


def _directions(moments: Moments) -> dict[str, Estimate]:
    return {
        "mean_cosine": angles.mean_cosine(moments),
        "cosine_variance": angles.cosine_variance(moments),
        "mean_norm": angles.mean_norm(moments),
        "effective_dimension": angles.effective_dimension(moments),
        "effective_dimension_uncentred": angles.effective_dimension_uncentred(moments),
        "participation_ratio": participation.participation_ratio(moments),
        "participation_ratio_unbiased": participation.participation_ratio_unbiased(moments),
        "isoscore": participation.isoscore(moments),
        "isoscore_unbiased": participation.isoscore_unbiased(moments),
        "rogue_share_top3": rogue_share(moments),
    }


def extended_metrics(moments: Moments, spectral: Spectrum | None, uncentred: Array | None) -> dict[str, Estimate]:
    """Return the further metrics of the moments.

    Parameters
    ----------
    moments : Moments
    spectral : Spectrum or None
        The spectrum of these moments; None below two vectors.
    uncentred : ndarray, shape (d,), or None
        The eigenvalues of `effective_rank.second_moment`; None without a vector.
    """
    n, no_covariance = moments.n, undefined(NO_COVARIANCE, moments.n)
    none = undefined(effective_rank.NO_VECTOR, n)
    edge, above = (no_covariance, no_covariance) if spectral is None else marchenko_pastur(spectral)
    return {
        "rankme": none if uncentred is None else effective_rank.rankme(uncentred, n),
        "stable_rank": none if uncentred is None else effective_rank.stable_rank(uncentred, n),
        "nesum": no_covariance if spectral is None else effective_rank.nesum(spectral),
        "marchenko_pastur_edge": edge,
        "marchenko_pastur_above": above,
        "vmf_kappa": vmf_kappa(moments),
        "self_cluster": self_cluster(moments),
    }


def _spectral(moments: Moments, spectral: Spectrum | None) -> dict[str, Estimate]:
    names = ["rank", "entropy_rank", "condition", *(f"explained_variance_{top}" for top in TOP)]
    if moments.n < 2:
        return dict.fromkeys(names, undefined(NO_COVARIANCE, moments.n))
    if not has_variance(moments):
        return {**dict.fromkeys(names, undefined(NO_VARIANCE, moments.n)), "rank": exact(0, moments.n)}
    of = spectral if spectral is not None else spectrum(moments)
    return {
        "rank": exact(of.rank, of.n),
        "entropy_rank": entropy_rank(of),
        "condition": condition(of),
        **{f"explained_variance_{top}": explained_variance(of, top) for top in TOP},
    }
