"""The transform of a release in words: which map it is, and why that one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def transform_words(transform: Mapping[str, Any]) -> str:
    """Return the kind of a transform and, where `auto` chose it, by what.

    Parameters
    ----------
    transform : mapping
        What report.json says of it.
    """
    choice = transform.get("choice")
    if not choice:
        return str(transform["kind"])
    if choice["by"] == "mean_cosine":
        why = f"; {choice['reason']}" if choice.get("evaluation") else ""
        return f"{choice['choice']} (auto: {_mean_cosine(choice)}{why})"
    values = {trial["candidate"]: trial["value"] for trial in choice["trials"]}
    before, after = next(iter(values.values())), values[choice["choice"]]
    held_out = f"{choice['items']:,} held-out {choice['by']}"
    return f"{choice['choice']} (auto: {choice['metric']} {before:.4f} -> {after:.4f} on {held_out})"


def _mean_cosine(choice: Mapping[str, Any]) -> str:
    if choice["value"] is None or choice["se"] is None:
        return "too few vectors for a mean cosine"
    relation = "above" if choice["value"] - 2.0 * choice["se"] > choice["bound"] else "not clearly above"
    return f"mean cosine {choice['value']:.4f} is {relation} {choice['bound']:g}"
