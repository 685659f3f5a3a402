"""The maps that `kind = "auto"` chooses from, in order of complexity.

A later one changes cosines more, or has more fitted numbers: none, the mean, one direction more, then ever stronger
whitenings. Nothing here changes the dimension of what is exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sphering.config.model import TransformConfig

_WHITEN: dict[str, Any] = {"kind": "whiten", "form": "zca", "power": 1.0, "soft": 0.0, "shrinkage": 0.0}
_CHANGES: dict[str, dict[str, Any]] = {
    "none": {"kind": "none"},
    "center": {"kind": "center"},
    "all but the top 1": {"kind": "abtt", "components": 1},
    "power 0.125": {**_WHITEN, "power": 0.125},
    "power 0.25": {**_WHITEN, "power": 0.25},
    "power 0.5": {**_WHITEN, "power": 0.5},
    "soft 5": {**_WHITEN, "soft": 5.0},
    "soft 2": {**_WHITEN, "soft": 2.0},
    "soft 1": {**_WHITEN, "soft": 1.0},
    "whiten": _WHITEN,
}


@dataclass(frozen=True)
class Candidate:
    """A map to choose, and what it is called in the table."""

    name: str
    config: TransformConfig


def candidates(config: TransformConfig) -> tuple[Candidate, ...]:
    """Return the candidates in order of complexity, with the weights of a configuration."""
    plain = config.model_copy(update={"dimension": None})
    return tuple(Candidate(name, plain.model_copy(update=changes)) for name, changes in _CHANGES.items())
