"""What kind = "auto" means for some vectors where nobody tells which of two maps answers better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sphering.config.model import TransformConfig
from sphering.geometry.angles import mean_cosine, mean_cosine_error
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import has_variance

CENTRING_BOUND = 0.05
LEAST_VECTORS = 10
"""Of three isotropic vectors one draw in ten would be centred, of five one in 80: their standard error is too small."""


@dataclass(frozen=True)
class Choice:
    """The configuration that `auto` stands for, and how it was chosen, as JSON values."""

    config: TransformConfig
    document: dict[str, Any]


def choose(config: TransformConfig, moments: Moments) -> Choice:
    """Return what `auto` stands for without an evaluation: center where mean cosine − 2 SE > 0.05, else none.

    Below ten vectors it is none, and where they do not differ: nothing would be left of them.
    Whitening is never chosen without evidence: it lowers contrastively trained encoders.
    """
    mean, error = mean_cosine(moments).value, mean_cosine_error(moments)
    document = {"by": "mean_cosine", "value": mean, "se": error, "bound": CENTRING_BOUND, "choice": "none"}
    if withheld := _withheld(moments, mean, error):
        document["withheld"] = withheld
    elif mean - 2.0 * error > CENTRING_BOUND:  # type: ignore[operator]  # not withheld: neither is None
        document["choice"] = "center"
    return Choice(config.model_copy(update={"kind": document["choice"]}), document)


def _withheld(moments: Moments, mean: float | None, error: float | None) -> str:
    """Return why the mean cosine is not asked; empty where it is."""
    if moments.effective_n < LEAST_VECTORS or mean is None or error is None:
        return f"fewer than {LEAST_VECTORS} vectors tell too little"
    return "" if has_variance(moments) else "the vectors do not differ"
