"""What a notice says: a sentence for people, and the facts beside it for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LONGEST: Final = 3_000


def notice_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notice of what is said of a run: the same facts, its words short and as Slack wants them."""
    error = said["error"]
    return {**said, "text": _text(said["text"]), "error": None if error is None else error[:_LONGEST]}


def _text(words: str) -> str:
    """Return words as Slack wants them: `&`, `<` and `>` are its markup, with which a name could call everybody."""
    short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
