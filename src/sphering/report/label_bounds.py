"""Which labels' texts the encoder hardly knows, by the numbers of a table of labels."""

from __future__ import annotations

from collections.abc import Sequence

from sphering.report.bounds import EQUAL_VECTORS, PIECES, UNKNOWN
from sphering.report.labels import LABEL
from sphering.report.measured import Json, share_interval

LEAST_TEXTS = 20
WITHIN = 0.05
_SHARES = {"unknown_share": UNKNOWN, "equal_vector_texts_share": EQUAL_VECTORS}


def beyond_share(lines: Sequence[Json], metric: str) -> list[Json]:
    """Return the labels whose share is beyond its bound in a column that tells them from others, largest share first.

    Beyond is a label of at least 20 texts of which the lower end of Wilson's 95 % interval over its texts is: one odd
    text is not the language of a label. A column tells where the lines within the bound have a twentieth of all
    documents, or where it has one label alone: where nearly every label is beyond, it is not the label that matters.
    """
    found = [line for line in lines if line["of"] == LABEL and _is_beyond(line, metric)]
    within = sum(_documents(line) for line in lines if _is_within(line, metric))
    if len(lines) > 1 and within < WITHIN * sum(map(_documents, lines)):
        return []
    return sorted(found, key=lambda line: -line[metric]["value"])


def _documents(line: Json) -> int:
    return int(line["documents"]["value"])


def _is_within(line: Json, metric: str) -> bool:
    share = line[metric]["value"]
    return share is not None and share <= _SHARES[metric]


def _is_beyond(line: Json, metric: str) -> bool:
    share, texts = line[metric]["value"], line["texts"]["value"]
    if share is None or texts < LEAST_TEXTS:
        return False
    return share_interval(share, texts)[0] > _SHARES[metric]


def reference(lines: Sequence[Json]) -> Json | None:
    """Return the label of fewest tokens per character among those of at least 20 texts and few unknown tokens."""
    known = [
        line
        for line in lines
        if line["of"] == LABEL
        and line["texts"]["value"] >= LEAST_TEXTS
        and (line["unknown_share"]["value"] or 0.0) <= UNKNOWN
        and line["tokens_per_character"]["value"] is not None
    ]
    return min(known, key=lambda line: line["tokens_per_character"]["value"], default=None)


def in_pieces(lines: Sequence[Json], fewest_tokens: int | None) -> list[Json]:
    """Return the labels with more than PIECES times the tokens per character of the reference, most first.

    Special tokens and prompts weigh in short texts. A document has some number k of them, from none to the fewest
    tokens of any document, and the ratio must be beyond the bound without them, whatever k is: for k at either end,
    since (T − kN)·C′ − PIECES·(T′ − kN′)·C is linear in k (N documents, T tokens, C characters; primes: the reference).
    """
    least = reference(lines)
    if least is None or fewest_tokens is None:
        return []
    found = [
        line
        for line in lines
        if line["of"] == LABEL
        and line["texts"]["value"] >= LEAST_TEXTS
        and all(_exceeds(line, least, special) for special in (0, fewest_tokens))
    ]
    return sorted(found, key=lambda line: -line["tokens_per_character"]["value"])


def _exceeds(line: Json, least: Json, special: int) -> bool:
    own, characters = _own_tokens(line, special)
    known, of_known = _own_tokens(least, special)
    return own * of_known > PIECES * known * characters


def _own_tokens(line: Json, special: int) -> tuple[int, int]:
    """Return a line's tokens without `special` ones in each document, and its characters."""
    number = line["tokens_per_character"]
    if number["value"] is None:
        return 0, 0
    return round(number["value"] * number["n"]) - special * _documents(line), number["n"]
