"""What a notice says: a sentence for people, and the facts beside it for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LONGEST: Final = 3_000
_FACTS: Final = (
    "run",
    "release",
    "release_status",
    "snapshot",
    "snapshot_status",
    "documents",
    "rows_read",
    "quarantined",
    "duplicates",
    "encoded",
    "reused",
    "removed",
    "seconds",
    "exit_code",
    "report",
)


def outcome(result: Mapping[str, Any]) -> str:
    """Return what came of a run in one word: `published`, `held`, `unchanged`, or `finished` for any other end.

    A release that a rollback withdrew and that no run publishes again is held, too.
    """
    status = result.get("release_status")
    if status in ("held", "withdrawn") or result.get("exit_code"):
        return "held"
    return str(status) if status in ("published", "unchanged") else "finished"


def of_result(corpus: str, channel: str, sentence: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notice of a run that has ended.

    Parameters
    ----------
    corpus, channel : str
        What it ran.
    sentence : str
        What came of it, in words.
    result : mapping
        What the run says of itself: what `sphering run --json` prints.
    """
    failed = [
        {name: gate[name] for name in ("metric", "value", "min", "max")}
        for gate in result.get("gates", ())
        if not gate["passed"] and gate["severity"] == "fail"
    ]
    facts = {name: result[name] for name in _FACTS if result.get(name) is not None}
    return {
        "text": _text(sentence),
        "event": outcome(result),
        "corpus": corpus,
        "channel": channel,
        **facts,
        "gates_failed": failed,
    }


def of_failure(corpus: str, channel: str, words: str) -> dict[str, Any]:
    """Return the notice of a run that failed, by what its error says."""
    return {
        "text": _text(f"failed: {corpus}, {words}"),
        "event": "failed",
        "corpus": corpus,
        "channel": channel,
        "error": words[:_LONGEST],
    }


def _text(words: str) -> str:
    """Return words as Slack wants them: `&`, `<` and `>` are its markup, with which a name could call everybody."""
    short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
