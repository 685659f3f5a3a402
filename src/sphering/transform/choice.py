"""What kind = "auto" means for these vectors."""

from __future__ import annotations

from sphering.config.model import TransformConfig
from sphering.geometry.angles import mean_cosine, mean_cosine_error
from sphering.geometry.moments import Moments

CENTRING_BOUND = 0.05


def choose(config: TransformConfig, moments: Moments) -> TransformConfig:
    """Return the configuration with `auto` resolved: center where mean cosine − 2 SE > 0.05, else none.

    Whitening is never chosen without evidence: it lowers contrastively trained encoders.
    """
    if config.kind != "auto":
        return config
    mean, error = mean_cosine(moments).value, mean_cosine_error(moments)
    clear = mean is not None and error is not None and mean - 2.0 * error > CENTRING_BOUND
    return config.model_copy(update={"kind": "center" if clear else "none"})
