"""Recall, speed and size of many exports of the same vectors, each under all settings that are worth trying."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sphering.errors import SpheringError
from sphering.export.opening import check_export, open_format
from sphering.export.protocol import ExportJob, IndexFormat, Searcher, Settings
from sphering.export.recall.candidates import Candidate
from sphering.export.recall.measure import measure
from sphering.export.recall.trial import Trial, open_trial
from sphering.export.recall.tune import flights

# Where a slower setting finds hardly more, a still slower one is not tried.
_LEAST_GAIN = 5e-4


@dataclass(frozen=True)
class Point:
    """One export under one setting, or the reason why it cannot be made."""

    candidate: str
    format: str
    config: dict[str, Any]
    settings: Settings
    measured: dict[str, Any]
    bytes_per_vector: float | None = None
    build_seconds: float | None = None
    refused: str | None = None

    @property
    def recall(self) -> float | None:
        """Its recall@10."""
        found: float | None = self.measured.get("recall_at_10", {}).get("value")
        return found

    @property
    def speed(self) -> float | None:
        """Its queries/s; None where there is no index."""
        found: float | None = self.measured.get("queries_per_second")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "candidate": self.candidate,
            "format": self.format,
            "config": self.config,
            "settings": self.settings,
            **self.measured,
            "bytes_per_vector": self.bytes_per_vector,
            "build_seconds": self.build_seconds,
            "refused": self.refused,
        }


def sweep(job: ExportJob, tried: Iterable[Candidate], method: str) -> Iterator[Point]:
    """Yield a point for each setting of each candidate that finds more than a faster one did.

    Each candidate is written into the job's folder and removed again.

    Parameters
    ----------
    job : ExportJob
        Of any configuration; its queries are those of an evaluation, or the held-out texts whose rows it leaves out.
    tried : iterable of Candidate
    method : str
        What the queries are, in words.
    """
    for candidate in tried:
        one = replace(job, config=candidate.config)
        try:
            yield from _points(candidate, one, method)
        except SpheringError as error:
            yield _refused(candidate, error)
        finally:
            shutil.rmtree(one.folder, ignore_errors=True)


def frontier(points: Iterable[Point]) -> set[int]:
    """Return which of some points, by their position, no other one beats in both recall@10 and queries/s."""
    placed = [(at, point.recall, point.speed) for at, point in enumerate(points)]
    ranked = sorted(
        ((recall, speed, at) for at, recall, speed in placed if recall is not None and speed is not None),
        key=lambda entry: (-entry[1], -entry[0]),
    )
    best, found = -1.0, set()
    for recall, _, at in ranked:
        if recall > best:
            best = recall
            found.add(at)
    return found


def _points(candidate: Candidate, job: ExportJob, method: str) -> Iterator[Point]:
    check_export(job.config, job.matrix.d)
    chosen = open_format(job.config.format)
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    start = time.perf_counter()
    chosen.write(job)
    seconds = round(time.perf_counter() - start, 3)
    size = chosen.vector_bytes(job.folder) / job.rows.n
    trial = open_trial(job, job.folder)
    searcher = None if trial is None else trial.searcher
    if trial is None or searcher is None:
        return
    trial = replace(trial, method=method)
    for flight in flights(_ladder(chosen, job, searcher)):
        before = -1.0
        for settings in flight:
            searcher.put(settings)
            point = _point(candidate, trial, size, seconds, timed=isinstance(chosen, IndexFormat))
            yield point
            if point.recall is None or point.recall < before + _LEAST_GAIN:
                break
            before = point.recall


def _ladder(chosen: Any, job: ExportJob, searcher: Searcher) -> Iterable[Settings]:
    ladder = chosen.ladder(job, searcher) if isinstance(chosen, IndexFormat) else ()
    return ladder or [searcher.settings]


def _point(candidate: Candidate, trial: Trial, size: float, seconds: float, *, timed: bool) -> Point:
    settings = trial.searcher.settings if trial.searcher is not None else {}
    config = candidate.config
    return Point(
        candidate.name,
        config.format,
        config.model_dump(mode="json", exclude_unset=True, exclude={"name"}),
        settings,
        measure(trial, timed=timed),
        round(size, 1),
        seconds,
    )


def _refused(candidate: Candidate, error: SpheringError) -> Point:
    config = candidate.config
    keys = config.model_dump(mode="json", exclude_unset=True, exclude={"name"})
    return Point(
        candidate.name, config.format, keys, {}, {}, refused=": ".join(filter(None, (error.found, error.remedy)))
    )
