"""A fitted affine map, then normalisation: made from moments, kept as an immutable artefact, applied in float64."""

from sphering.transform.affine import TRANSFORM_VERSION, Transform
from sphering.transform.choice import Choice, choose
from sphering.transform.drift import drift
from sphering.transform.fit import fit

__all__ = ["TRANSFORM_VERSION", "Choice", "Transform", "choose", "drift", "fit"]
