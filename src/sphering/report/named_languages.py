"""The languages of the texts that an encoder hardly knows: named where a warning is to name them, and only there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import exact
from sphering.report.bounds import UNKNOWN
from sphering.report.chosen_texts import ChosenTexts, read_texts, smallest_texts
from sphering.report.counted import Counted
from sphering.report.label_bounds import beyond_share, in_pieces, reference
from sphering.report.languages import MOST_LANGUAGES, LanguageDetector
from sphering.report.measured import Json, Over, as_sample, number, share_interval
from sphering.store.snapshot import Snapshot

TEXTS = 1000
LABEL_TEXTS = 200


@dataclass(frozen=True)
class _Asked:
    """A number or a line of a table whose texts' languages are wanted, with some of its texts."""

    of: Json
    chosen: ChosenTexts
    over: Over


def name_languages(
    snapshot: Snapshot, counted: Counted, texts: Mapping[str, Json], labels: Mapping[str, Sequence[Json]], seed: int
) -> None:
    """Add `languages` to what is beyond a bound: to the unknown share of all texts, and to lines of labels.

    They are told from 1,000 texts, or 200 of a label. Where unknown tokens are beyond their bound, from texts that have
    some, each of which counts for what it has of them: so many texts with an emoji do not outvote few in another
    language. The label that tokens per character are measured against gets its languages too. Where no text is kept
    nothing is added.
    """
    asked = [*_of_unknown(counted, texts), *_of_labels(counted, labels)]
    if not asked or counted.whole.textless:
        return
    detector = LanguageDetector()
    found = read_texts(snapshot, np.concatenate([each.chosen.rows for each in asked]))
    ends = np.cumsum([len(each.chosen.rows) for each in asked])
    for each, part in zip(asked, np.split(found, ends[:-1]), strict=True):
        shares = detector.languages(part.tolist(), each.chosen.weights)
        each.of["languages"] = [_number(name, share, each, seed) for name, share in [*shares.items()][:MOST_LANGUAGES]]


def _of_unknown(counted: Counted, texts: Mapping[str, Json]) -> list[_Asked]:
    share = texts["unknown_share"]
    if share["value"] is None or share["value"] <= UNKNOWN:
        return []
    return [_Asked(share, _with_unknown(counted, np.arange(len(counted.texts)), TEXTS), "tokens")]


def _of_labels(counted: Counted, labels: Mapping[str, Sequence[Json]]) -> list[_Asked]:
    return [
        _of_line(line, counted, np.flatnonzero(counted.lines[column] == place))
        for column, lines in labels.items()
        for place, line in enumerate(lines)
        if any(line is each for each in _wanted(lines, counted.fewest_tokens))
    ]


def _of_line(line: Json, counted: Counted, rows: NDArray[np.int64]) -> _Asked:
    if (line["unknown_share"]["value"] or 0.0) > UNKNOWN:
        return _Asked(line, _with_unknown(counted, rows, LABEL_TEXTS), "tokens")
    return _Asked(line, smallest_texts(counted.texts, rows, np.ones(len(rows)), LABEL_TEXTS), "texts")


def _with_unknown(counted: Counted, rows: NDArray[np.int64], size: int) -> ChosenTexts:
    rows = rows[counted.unknown[rows] > 0]
    return smallest_texts(counted.texts, rows, counted.unknown[rows], size)


def _wanted(lines: Sequence[Json], fewest_tokens: int | None) -> list[Json]:
    split, least = in_pieces(lines, fewest_tokens), reference(lines)
    found = [*beyond_share(lines, "unknown_share"), *beyond_share(lines, "equal_vector_texts_share"), *split]
    return [*found, least] if split and least else found


def _number(name: str, share: float, asked: _Asked, seed: int) -> Json:
    """Return a language with its share; a sample's interval is Wilson's over Kish's effective number of its texts.

    That number is (Σw)²/Σw² (Kish 1965).
    """
    weights = asked.chosen.weights.astype(np.float64)
    interval = share_interval(share, round(weights.sum() ** 2 / (weights**2).sum()))
    estimate = exact(share, int(weights.sum()))
    sampled = as_sample(estimate, whole=asked.chosen.whole, seed=seed, interval=interval)
    return {"language": name, "share": number(sampled, asked.over)}
