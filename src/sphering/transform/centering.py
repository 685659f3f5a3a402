"""The maps that need no inverse of the covariance: none, center, standard, all-but-the-top."""

from __future__ import annotations

import numpy as np

from sphering.errors import UnfittableError
from sphering.geometry.gram import Array
from sphering.geometry.spectrum import Spectrum
from sphering.transform.forms import Factor


def standard_map(covariance: Array, dead: tuple[int, ...], rank: int) -> Factor:
    """Return diag(1/σ) and its inverse diag(σ), with 0 for coordinates without variance.

    Dividing by their σ would make noise of size 1.
    """
    variances = np.diagonal(covariance).copy()
    alive = np.ones(len(variances), dtype=bool)
    alive[list(dead)] = False
    if not alive.any():
        raise UnfittableError(
            "no coordinate has any variance",
            expected="vectors that differ",
            remedy='set kind = "none" under [transform]',
        )
    deviations, scale = np.zeros(len(variances)), np.zeros(len(variances))
    deviations[alive] = np.sqrt(variances[alive])
    scale[alive] = 1.0 / deviations[alive]
    return Factor(np.diag(scale), np.diag(deviations), rank)


def all_but_the_top_map(spectral: Spectrum, components: int) -> Factor:
    """Return I − U_D U_D', which removes the first D principal directions (Mu & Viswanath 2018); its own inverse."""
    if components >= spectral.rank:
        raise UnfittableError(
            f"{components} components to remove of vectors with rank {spectral.rank}",
            expected=f"fewer than {spectral.rank}",
            remedy="set a smaller `components` under [transform]",
        )
    top = spectral.vectors[:, :components]
    kept = np.eye(len(top)) - top @ top.T
    return Factor(kept, kept, spectral.rank - components)
