"""What the catalog's tables are filled from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def picked(corpus: str, document: Mapping[str, Any], columns: Iterable[str]) -> Row:
    """Return a row of a corpus with these columns of a document; null where it lacks one."""
    return {"corpus": corpus, **{name: document.get(name) for name in columns}}


def value_of(number: Any) -> Any:
    """Return the value of a number of a report, which is bare or has its kind beside it."""
    return number.get("value") if isinstance(number, Mapping) else number
