"""The fastest search settings that reach a recall, by the lower end of its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def flights(ladder: Iterable[Settings]) -> Iterator[list[Settings]]:
    """Yield the parts of a ladder in which every setting only rises, from the fastest to the one that finds most."""
    flight: list[Settings] = []
    for settings in ladder:
        if flight and any(settings[name] < value for name, value in flight[-1].items()):
            yield flight
            flight = []
        flight.append(settings)
    if flight:
        yield flight


def try_settings(trial: Trial, ladder: Iterable[Settings], enough: float) -> list[Tried]:
    """Return what settings give, in the order of the ladder.

    Of each flight those are tried that come before the first whose recall@10 is at least `enough` by the lower end of
    its interval, and that one: what follows is slower.

    Parameters
    ----------
    trial : Trial
        With queries; the last settings stay put.
    ladder : iterable of Settings
    enough : float
    """
    assert trial.searcher is not None  # noqa: S101 - a trial without queries has nothing to try
    tried: list[Tried] = []
    for flight in flights(ladder):
        for settings in flight:
            trial.searcher.put(settings)
            tried.append(Tried(trial.searcher.settings, recall_at_10(trial), speed(trial)))
            if tried[-1].low >= enough:
                break
    return tried


def chosen(tried: list[Tried], least: float) -> Tried:
    """Return the fastest of those that reach a recall; where none does, the one that finds most."""
    reached = [entry for entry in tried if entry.low >= least]
    if reached:
        return max(reached, key=lambda entry: entry.queries_per_second)
    return max(tried, key=lambda entry: (entry.recall.value or 0.0, entry.queries_per_second))
