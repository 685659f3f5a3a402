"""What contrastive training minimises: alignment of positive pairs, and InfoNCE with the negatives of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.means import mean_estimate

BATCH = 128
TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def alignment(cosines: Array) -> Estimate:
    """Return the mean squared distance of positive pairs of unit vectors, ‖u − u⁺‖² = 2 − 2 cos, with its interval.

    Wang & Isola 2020, α = 2; the interval is the normal one over pairs. 0 is best.

    Parameters
    ----------
    cosines : ndarray, shape (n,), float64
        Of the pairs.
    """
    return mean_estimate(2.0 - 2.0 * cosines, "no pair is a positive one", least=0.0)


def tempered_losses(cosines: NDArray[Any], temperature: float, excluded: NDArray[np.bool_] | None = None) -> Array:
    """Return τ times the InfoNCE loss of each item of a batch, (n,) float64, finite for every τ ≥ 0.

    −τ ln(exp(c_ii/τ)/Σ_j exp(c_ij/τ)) = max_j m_ij + τ ln Σ_j exp((m_ij − max_j m_ij)/τ) with m_ij = c_ij − c_ii
    (van den Oord et al. 2018). At τ → 0 only the maximum is left: the margin by which the nearest candidate is nearer
    than the right one, 0 where that is the right one.

    Parameters
    ----------
    cosines : ndarray, shape (n, n)
        Of item i with candidate j; candidate i is the right one.
    temperature : float
        τ ≥ 0.
    excluded : ndarray, shape (n, n), bool, optional
        Candidates that are no negatives of an item, such as another copy of the right one.
    """
    if not 0.0 <= temperature < math.inf:
        raise InputError(f"the temperature is {temperature}", expected="a finite number, at least 0")
    wide = cosines.astype(np.float64)
    margins = wide - np.diagonal(wide)[:, None]
    if excluded is not None:
        margins = np.where(excluded & ~np.eye(len(margins), dtype=bool), -np.inf, margins)
    nearest = margins.max(axis=1)
    if temperature == 0.0:
        return np.asarray(nearest)
    with np.errstate(over="ignore"):  # (m − max)/τ may be −∞, whose exponential is 0, as it should
        rest = np.exp((margins - nearest[:, None]) / temperature).sum(axis=1)
    return np.asarray(nearest + temperature * np.log(rest))


def info_nce(
    first: NDArray[Any], second: NDArray[Any], targets: NDArray[np.int64], temperatures: Sequence[float] = TEMPERATURES
) -> dict[float, Estimate]:
    """Return the InfoNCE loss in nats at each temperature, with the negatives of batches of 128 items in their order.

    The loss grows with the batch, ln 128 = 4.85 for a map that tells nothing apart, so all batches have one size: the
    last, incomplete one is left out unless it is the only one. The interval is Student's over batches.

    Parameters
    ----------
    first, second : ndarray, shape (n, d)
        Unit vectors of the items and of what each must find.
    targets : ndarray, shape (n,), int64
        Equal numbers where two items must find the same: these are no negatives of each other.
    temperatures : sequence of float
        Above 0.
    """
    n = len(first)
    if n < 2:
        return dict.fromkeys(temperatures, undefined("fewer than two positive pairs have no negatives", n))
    size = min(BATCH, n)
    losses: dict[float, list[float]] = {each: [] for each in temperatures}
    with one_blas_thread():
        for start in range(0, n - size + 1, size):
            part = slice(start, start + size)
            cosines = first[part].astype(np.float64) @ second[part].astype(np.float64).T
            copies = targets[part, None] == targets[None, part]
            for each, found in losses.items():
                found.append(float(tempered_losses(cosines, each, copies).mean()) / each)
    return {each: _over_batches(found, size) for each, found in losses.items()}


def _over_batches(losses: Sequence[float], size: int) -> Estimate:
    mean, count = sum(losses) / len(losses), len(losses)
    if count < 2:
        return exact(mean, size)
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    half = float(stdtrit(count - 1, 0.975)) * float(np.std(losses, ddof=1)) / math.sqrt(count)
    return exact(mean, count * size, (max(mean - half, 0.0), mean + half))
