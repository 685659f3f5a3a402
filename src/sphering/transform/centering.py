"""The maps that need no inverse of the covariance: none, center, standard, all-but-the-top."""

from __future__ import annotations

import numpy as np

from sphering.errors import InputError
from sphering.geometry.gram import Array
from sphering.geometry.spectrum import Spectrum


def standard_map(covariance: Array, dead: tuple[int, ...]) -> Array:
    """Return diag(1/σ), with 0 for coordinates without variance: dividing by their σ would make noise of size 1."""
    variances = np.diagonal(covariance).copy()
    alive = np.ones(len(variances), dtype=bool)
    alive[list(dead)] = False
    if not alive.any():
        raise InputError(
            "no coordinate has any variance",
            expected="vectors that differ",
            remedy='set kind = "none" under [transform]',
        )
    scale = np.zeros(len(variances))
    scale[alive] = 1.0 / np.sqrt(variances[alive])
    return np.diag(scale)


def all_but_the_top_map(spectral: Spectrum, components: int) -> Array:
    """Return I − U_D U_D', which removes the first D principal directions (Mu & Viswanath 2018)."""
    if components >= spectral.rank:
        raise InputError(
            f"{components} components to remove of vectors with rank {spectral.rank}",
            expected=f"fewer than {spectral.rank}",
            remedy="set a smaller `components` under [transform]",
        )
    top = spectral.vectors[:, :components]
    return np.eye(len(top)) - top @ top.T
