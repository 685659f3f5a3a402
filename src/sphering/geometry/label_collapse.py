"""How far the vectors of each label have collapsed onto their mean, from sums by label.

Of unit vectors, the spread of a label about its mean m_g = s_g/n_g is v_g = mean‖u − m_g‖² = 1 − ‖m_g‖². Labels of one
document have no spread and are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.grouped import ALL_DIFFER, NO_LABEL, ONE_LABEL, GroupedSums
from sphering.geometry.spectrum import eigen, noise_level

_EQUAL_MEANS = 1e-12
EQUAL_MEANS = "two labels have the same mean up to rounding"


def nc1(sums: GroupedSums, unit_gram: Array, ulp: float) -> Estimate:
    """Return NC1 = tr(S_W pinv(S_B))/C: 0 where every vector is the mean of its label (Papyan, Han & Donoho 2020).

    S_W = (1/N) Σ (u − m_g)(u − m_g)' over all N vectors, S_B = (1/C) Σ_g (m_g − m)(m_g − m)' over the C labels, m the
    mean of all vectors. The pseudo-inverse keeps eigenvalues above rounding noise, C − 1 at most. Other tools call
    other ratios NC1, such as tr S_W/tr S_B.

    Parameters
    ----------
    sums : GroupedSums
        With the Gram matrix of the vectors in no group.
    unit_gram : ndarray, shape (d, d)
        Σ u u' of all vectors, those in no group too.
    ulp : float
        Half-ulp of the stored vectors.
    """
    chosen, missing = _spread_out(sums)
    if missing is not None:
        return missing
    if sums.outside is None:
        raise ValueError("NC1 needs the Gram matrix of the vectors in no group")
    counts, n = sums.counts[chosen], int(sums.counts[chosen].sum())
    means, single = sums.sums[chosen] / counts[:, None], sums.sums[sums.counts == 1]
    with one_blas_thread():
        inside = unit_gram - sums.outside - single.T @ single
        within = (inside - (means * counts[:, None]).T @ means) / n
        apart = means - sums.sums[chosen].sum(axis=0) / n
        values, vectors = eigen(apart.T @ apart / len(counts))
        level = noise_level(max(values[0], 0.0), len(values), 1.0, ulp)
        rank = min(int(np.sum(values > level)), len(counts) - 1)
        if rank == 0:
            return undefined("all labels have the same mean up to rounding", n)
        axes = vectors[:, :rank]
        spreads = np.einsum("ij,ij->j", axes, within @ axes)
    return exact(max(float(np.sum(spreads / values[:rank])), 0.0) / len(counts), n)


def cdnv(sums: GroupedSums) -> Estimate:
    """Return the class-distance normalised variance: the mean of (v_a + v_b)/(2‖m_a − m_b‖²) over pairs of labels.

    0 where every vector is the mean of its label (Galanti, György & Hutter 2022); each pair of labels counts once.
    """
    chosen, missing = _spread_out(sums)
    if missing is not None:
        return missing
    counts = sums.counts[chosen]
    means = sums.sums[chosen] / counts[:, None]
    squares = np.vecdot(means, means)
    spreads = np.maximum(1.0 - squares, 0.0)
    with one_blas_thread():
        distances = squares[:, None] + squares - 2.0 * (means @ means.T)
    pairs = np.triu_indices(len(counts), 1)
    if distances[pairs].min() <= _EQUAL_MEANS:
        return undefined(EQUAL_MEANS, int(counts.sum()))
    ratios = (spreads[:, None] + spreads)[pairs] / (2.0 * distances[pairs])
    return exact(float(ratios.mean()), int(counts.sum()))


def _spread_out(sums: GroupedSums) -> tuple[NDArray[np.bool_], Estimate | None]:
    """Return the labels of two documents or more, and why nothing can be said of them where they are fewer than two."""
    chosen = sums.counts > 1
    if sums.n == 0:
        return chosen, undefined(NO_LABEL)
    if not chosen.any():
        return chosen, undefined(ALL_DIFFER, sums.n)
    if np.count_nonzero(chosen) < 2:
        reason = ONE_LABEL if np.count_nonzero(sums.counts) < 2 else "only one label has two documents"
        return chosen, undefined(reason, sums.n)
    return chosen, None
