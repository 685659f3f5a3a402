"""Sentences that name the labels whose texts the encoder hardly knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sphering.report.label_bounds import beyond_share, in_pieces, reference
from sphering.report.languages import main_language
from sphering.report.measured import Json
from sphering.report.wording import clipped, shown

MOST_NAMED = 3
LOGOGRAPHIC = frozenset({"Chinese", "Japanese", "Korean"})
"""A character of these stands for a word or a syllable, and is a token or more for any model."""


def label_warnings(report: Mapping[str, Any]) -> Iterator[Json]:
    """Yield a warning for each column of labels and each sign that the encoder does not know some of its labels."""
    for column, lines in report["labels"].items():
        yield from _unknown(column, lines)
        yield from _equal(column, lines)
        yield from _split(column, lines, report["texts"]["tokens_min"]["value"])


def _unknown(column: str, lines: Sequence[Json]) -> Iterator[Json]:
    found = beyond_share(lines, "unknown_share")
    if found:
        of_each = [f"{shown(line['unknown_share']['value'], 'share')} of its tokens are unknown" for line in found]
        sentence = "The model was probably not made for such texts."
        yield _warning("label_unknown_tokens", "unknown_share", column, found, of_each, sentence)


def _equal(column: str, lines: Sequence[Json]) -> Iterator[Json]:
    found = beyond_share(lines, "equal_vector_texts_share")
    if found:
        of_each = [
            f"{line['equal_vector_texts']['value']:,} of its {line['texts']['value']:,} different texts have exactly "
            "the same vector as another of them"
            for line in found
        ]
        sentence = "No transform and no index can tell those apart."
        yield _warning("label_equal_vectors", "equal_vector_texts", column, found, of_each, sentence)


def _split(column: str, lines: Sequence[Json], fewest_tokens: int | None) -> Iterator[Json]:
    """Warn of labels in another language than the reference: within one, code and prose differ as well."""
    least = reference(lines)
    if least is None:
        return
    known = main_language(least.get("languages", []))
    found = [line for line in in_pieces(lines, fewest_tokens) if _is_strange(line, known)]
    if found:
        base = least["tokens_per_character"]["value"]
        of_each = [
            f"{shown(line['tokens_per_character']['value'])} tokens for each character, "
            f"{line['tokens_per_character']['value'] / base:.1f} times as many as {_named(column, least)}"
            for line in found
        ]
        sentence = "Their words fall into pieces that the model hardly knows."
        yield _warning("label_tokens_per_character", "tokens_per_character", column, found, of_each, sentence)


def _is_strange(line: Json, known: str | None) -> bool:
    language = main_language(line.get("languages", []))
    return language is not None and language != known and language not in LOGOGRAPHIC


def _warning(name: str, metric: str, column: str, lines: Sequence[Json], of_each: Sequence[str], sentence: str) -> Json:
    told = [f"{_described(column, line)}: {words}" for line, words in zip(lines, of_each, strict=True)]
    rest = len(told) - MOST_NAMED
    more = f"; and {rest:,} more labels" if rest > 1 else "; and one more label" if rest == 1 else ""
    return {
        "name": name,
        "metric": metric,
        "sentence": f"{'; '.join(told[:MOST_NAMED])}{more}. {sentence}",
        "column": column,
        "labels": [line["label"] for line in lines],
    }


def _described(column: str, line: Json) -> str:
    language = main_language(line.get("languages", []))
    return _named(column, line) + (f" (probably {language})" if language else "")


def _named(column: str, line: Json) -> str:
    return f"{column} = {clipped(line['label'])}"
