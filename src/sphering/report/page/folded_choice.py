"""How `auto` chose the transform, as a folded part of the page: what, by what, why, and the table of all candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sphering.report import wording
from sphering.report.page.folded import Listing, Part, Section

_METRICS = {"spearman": "Spearman's ρ", "mrr_at_10": "MRR@10", "accuracy_1nn": "1-NN accuracy"}
_ITEMS = {"pairs": "scored pairs", "queries": "queries", "halves": "halves", "labels": "labelled texts"}
_COSINE = "mean_cosine"


def choice_part(report: Mapping[str, Any]) -> Part | None:
    """Return the part that says how the transform was chosen; None where it was configured."""
    choice = report["transform"].get("choice")
    if not choice:
        return None
    trials = choice.get("trials", ())
    sentences = _by_mean_cosine(choice) if choice["by"] == _COSINE else _by_items(choice)
    listings = (_listing(choice, trials),) if trials else ()
    return Part("How the transform was chosen", (Section("", sentences, listings=listings),))


def _by_mean_cosine(choice: Mapping[str, Any]) -> tuple[str, ...]:
    mean, error, bound = choice["value"], choice["se"], choice["bound"]
    if choice.get("withheld") or mean is None or error is None:
        why = f"It does not decide here: {choice.get('withheld') or 'there are too few vectors'}."
    else:
        side = "above" if mean - 2.0 * error > bound else "not clearly above"
        why = (
            f"It is {wording.shown(mean)}; less two standard errors of {wording.shown(error)} that is {side} "
            f"{bound:g}, from which on vectors are centred."
        )
    asked = f"The evaluation was not asked: {choice['reason']}." if choice.get("evaluation") else ""
    return tuple(
        filter(None, (f"“auto” chose “{choice['choice']}” by the mean cosine of the raw vectors. {why}", asked))
    )


def _by_items(choice: Mapping[str, Any]) -> tuple[str, ...]:
    trials = choice["trials"]
    items = f"{choice['items']:,} {_ITEMS.get(choice['by'], choice['by'])}"
    metric = _METRICS.get(choice["metric"], choice["metric"])
    chosen = (
        f"“auto” chose “{choice['choice']}” by {metric} on {items}, which were held out in {choice['folds']} folds: "
        "every candidate was fitted without the texts that it was scored on."
    )
    unfitted = sum(trial["value"] is None for trial in trials)
    left = f" {unfitted} of {len(trials)} candidates cannot be fitted." if unfitted else ""
    return chosen, _why(choice["choice"], trials) + left


def _why(chosen: str, trials: Sequence[Mapping[str, Any]]) -> str:
    rule = "A candidate is taken where its gain over the choice so far is clear: where the 95 % interval lies above 0."
    if chosen == trials[0]["candidate"]:
        return f"{rule} No candidate's does, so that the simplest stays."
    last = next(trial for trial in trials if trial["candidate"] == chosen)
    later = trials[-1]["candidate"] != chosen
    gain = f"The gain of “{chosen}” over “{last['against']}” is {_signed(last['gain'])}"
    return f"{rule} {gain} ({_bounds(last['interval'])}){', and none after it is clearly better' * later}."


def _listing(choice: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> Listing:
    missing: dict[str, list[str]] = {}
    for trial in trials:
        if trial["reason"]:
            missing.setdefault(trial["reason"], []).append(trial["candidate"])
    return Listing(
        "",
        ("candidate", _METRICS.get(choice["metric"], choice["metric"]), "gain", "95 % of the gain", "over", "taken"),
        tuple(_trial(trial) for trial in trials),
        missing=tuple(f"{', '.join(names)}: {reason}" for reason, names in missing.items()),
    )


def _trial(trial: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        trial["candidate"],
        _digits(trial["value"]),
        "" if trial["gain"] is None else _signed(trial["gain"]),
        _bounds(trial["interval"]) if trial["interval"] else "",
        trial["against"] or "",
        "yes" if trial["taken"] else "no",
    )


def _digits(value: float | None) -> str:
    """Return a number with four digits, so that those of a column can be compared; a dash where there is none."""
    return wording.NONE if value is None else f"{value:.4f}".replace("-", wording.MINUS)


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", wording.MINUS)


def _bounds(interval: Sequence[float]) -> str:
    return f"{_digits(interval[0])} to {_digits(interval[1])}"
