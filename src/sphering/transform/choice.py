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
    known = mean is not None and error is not None and moments.effective_n >= LEAST_VECTORS
    clear = known and has_variance(moments) and mean - 2.0 * error > CENTRING_BOUND  # type: ignore[operator]  # known: neither is None
    kind = "center" if clear else "none"
    document = {"by": "mean_cosine", "value": mean, "se": error, "bound": CENTRING_BOUND, "choice": kind}
    return Choice(config.model_copy(update={"kind": kind}), document)
