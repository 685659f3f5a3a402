"""What differs between two documents, by dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN = 80


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the dotted names whose values differ, each with both; a value that one side lacks is None."""
    first, second = dict(_flat(a)), dict(_flat(b))
    names = sorted(first.keys() | second.keys())
    return {
        name: {"a": first.get(name), "b": second.get(name)} for name in names if first.get(name) != second.get(name)
    }


def differing_words(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """Return which values of two documents differ, with both where they are short."""
    shown = []
    for name, values in differing(a, b).items():
        both = f"{values['a']!r} and {values['b']!r}"
        shown.append(f"{name} ({both})" if len(both) <= _SHOWN else name)
    return ", ".join(shown) or "nothing that their documents name"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
