"""Whether a fast form of an encoder gives what its reference gives: vectors of the same texts, side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.probe import cosine_distances
from sphering.errors import ParityError


@dataclass(frozen=True)
class Parity:
    """How vectors stand to those of the reference.

    Attributes
    ----------
    n : int
        The texts.
    min_cosine : float
        The least cosine of a vector and the reference's.
    max_difference : float
        The largest |difference| of two components.
    equal : int
        How many vectors have the same bits.
    """

    n: int
    min_cosine: float
    max_difference: float
    equal: int

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return asdict(self)


def compare(vectors: NDArray[np.float32], reference: NDArray[np.float32]) -> Parity:
    """Return how vectors, (n, d) float32, stand to the reference's; a vector without direction has the cosine 0.

    A text for which both give a zero or non-finite vector counts as equal: such texts are quarantined.
    """
    a, b = vectors.astype(np.float64), reference.astype(np.float64)
    neither = ~(_has_direction(a) | _has_direction(b))
    distances = np.where(neither, 0.0, np.minimum(cosine_distances(a, b), 1.0))
    differences = np.abs(a[~neither] - b[~neither])
    return Parity(
        n=len(vectors),
        min_cosine=float(1 - distances.max(initial=0.0)),
        max_difference=float(np.nan_to_num(differences, nan=np.inf).max(initial=0.0)),
        equal=int((vectors.view(np.uint32) == reference.view(np.uint32)).all(axis=1).sum()),
    )


def check(parity: Parity, least: float, *, reference: str) -> None:
    """Refuse vectors whose cosine to the reference's is too small.

    Raises
    ------
    ParityError
        If a cosine is less than `least`.
    """
    if not parity.min_cosine >= least:
        raise ParityError(
            f"the encoder's vectors differ from those of {reference}: least cosine {parity.min_cosine:.9f} "
            f"over {parity.n} texts",
            expected=f"at least {least:g} ([encoder] min_cosine)",
            where="[encoder] backend and precision",
            remedy='set backend = "torch" and precision = "float32", or a lower min_cosine where the loss is accepted',
        )


def _has_direction(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.isfinite(rows).all(axis=1) & (rows != 0).any(axis=1)
    return found
