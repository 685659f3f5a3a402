"""Whether two reports were evaluated on the same: only then are their numbers of it answers to one question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sphering.report.flattened import EVALUATION, is_evaluated, numbers_of
from sphering.report.measured import Json

Digests = Mapping[str, str]
"""What each kind of an evaluation was read from, as a digest."""


def evaluations(a: Mapping[str, Any], b: Mapping[str, Any], digests: tuple[Digests, Digests]) -> Json:
    """Return the evaluations of two report.json: their ids, the kinds of each, and which are the `same`.

    An id differs with the encoder, and where halves change with the corpus; `same` says of each kind that both have
    whether what was asked is, None where an evaluation that would tell is no longer in the store.
    """
    kinds = [list(dict.fromkeys(number.part for number in numbers_of(each) if is_evaluated(number))) for each in (a, b)]
    ids = [(each.get(EVALUATION) or {}).get("evaluation") for each in (a, b)]
    both = [kind for kind in kinds[0] if kind in kinds[1]]
    return {
        "a": {"evaluation": ids[0], "kinds": kinds[0]},
        "b": {"evaluation": ids[1], "kinds": kinds[1]},
        "same": {kind: True if ids[0] == ids[1] else _same(kind, *digests) for kind in both},
    }


def evaluation_sentences(found: Mapping[str, Any]) -> list[str]:
    """Return what two evaluations have in common, in sentences."""
    same = found["same"]
    by = {told: [kind for kind, each in same.items() if each is told] for told in (True, False, None)}
    words = [
        *_told(by[True], "is the same in both reports"),
        *_told(by[False], "is another in B: a change of its numbers is one of what was asked as well"),
        *_told(by[None], "may be another in B: what would tell is no longer in the store"),
    ]
    for side, other in (("a", "b"), ("b", "a")):
        alone = [kind for kind in found[side]["kinds"] if kind not in found[other]["kinds"]]
        words += _told(alone, f"is in {side.upper()} alone: its numbers are not compared")
    return words


def _same(kind: str, a: Digests, b: Digests) -> bool | None:
    return a[kind] == b[kind] if kind in a and kind in b else None


def _told(kinds: Iterable[str], what: str) -> list[str]:
    names = ", ".join(kinds)
    return [f"the evaluation by {names} {what}"] if names else []
