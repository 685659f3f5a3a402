"""How far each step of a run is: what both displays show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_NOUNS = {"ingest": "rows", "read": "rows", "tune": "exports"}
_NAMES = {"encode": "embed"}


def step_name(step: str) -> str:
    """Return the name that a step is shown under; the encoder speaks of its own work as `encode`."""
    return _NAMES.get(step, step)


@dataclass
class StepCount:
    """One step: `done` of `total` (None: unknown), `tokens`, and its clock."""

    step: str
    total: int | None = None
    done: int = 0
    tokens: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def noun(self) -> str:
        """What the step counts."""
        return _NOUNS.get(self.step, "documents")

    @property
    def seconds(self) -> float:
        """Seconds since the step started."""
        return time.monotonic() - self.started

    def rates(self) -> str:
        """Return the step's rates in words, '' before anything was counted."""
        seconds = self.seconds
        if not self.done or seconds <= 0:
            return ""
        words = f"{self.done / seconds:,.0f} {self.noun}/s"
        return f"{words}, {self.tokens / seconds:,.0f} tokens/s" if self.tokens else words

    def amount(self) -> str:
        """Return what is to be done in words, '' where that is not known."""
        return "" if self.total is None else f"{self.total:,} {self.noun}"
