"""A number that says what it is: exact, or sampled with its n, seed and interval, or absent with the reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """One metric's value and how it came to be.

    Parameters
    ----------
    value : float or None
        The number; None where it is not defined, and then `reason` says why.
    kind : {"exact", "sampled"}
        Whether every vector (or pair) was used.
    n : int
        Vectors, or pairs of vectors where a metric says so, that the value was computed from.
    seed : int, optional
        Seed of the sample.
    interval : tuple of float, optional
        95 % confidence interval.
    reason : str, optional
        Why there is no value.
    """

    value: float | None
    kind: Literal["exact", "sampled"] = "exact"
    n: int = 0
    seed: int | None = None
    interval: tuple[float, float] | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"an estimate's value is finite or None, not {self.value}")
        if self.value is None and not self.reason:
            raise ValueError("an estimate without a value gives the reason")

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values: `value` always, the other keys where they are known."""
        fields: dict[str, Any] = {
            "kind": self.kind,
            "n": self.n,
            "seed": self.seed,
            "interval": None if self.interval is None else list(self.interval),
            "reason": self.reason,
        }
        return {"value": self.value, **{key: value for key, value in fields.items() if value is not None}}


def exact(value: float, n: int, interval: tuple[float, float] | None = None) -> Estimate:
    """Return an estimate that used every vector."""
    return Estimate(float(value), "exact", n, interval=interval)


def undefined(reason: str, n: int = 0) -> Estimate:
    """Return an estimate without a value, with the reason."""
    return Estimate(None, "exact", n, reason=reason)
