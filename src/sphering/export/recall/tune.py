"""The fastest search settings that reach a recall, by the lower end of its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sphering.export.protocol import Settings
from sphering.export.recall.measure import recall_at_10, speed
from sphering.export.recall.trial import Trial
from sphering.geometry.estimate import Estimate


@dataclass(frozen=True)
class Tried:
    """Search settings with what they gave."""

    settings: Settings
    recall: Estimate
    queries_per_second: float

    @property
    def low(self) -> float:
        """The lower end of the recall's interval."""
        return self.recall.interval[0] if self.recall.interval else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "settings": self.settings,
            "recall_at_10": self.recall.to_json(),
            "queries_per_second": round(self.queries_per_second, 1),
        }


def try_settings(trial: Trial, ladder: Iterable[Settings], enough: float | None = None) -> list[Tried]:
    """Return what each setting gives, in the order of the ladder, from the fastest on.

    Parameters
    ----------
    trial : Trial
        With queries; the last settings stay put.
    ladder : iterable of Settings
    enough : float, optional
        Stop at the first whose recall@10 is at least this by the lower end of its interval.
    """
    assert trial.searcher is not None  # noqa: S101 - a trial without queries has nothing to try
    tried: list[Tried] = []
    for settings in ladder:
        trial.searcher.put(settings)
        tried.append(Tried(trial.searcher.settings, recall_at_10(trial), speed(trial)))
        if enough is not None and tried[-1].low >= enough:
            break
    return tried


def chosen(tried: list[Tried], least: float) -> Tried:
    """Return the fastest of those that reach a recall; where none does, the one that finds most."""
    reached = [entry for entry in tried if entry.low >= least]
    if reached:
        return max(reached, key=lambda entry: entry.queries_per_second)
    return max(tried, key=lambda entry: (entry.recall.value or 0.0, entry.queries_per_second))
