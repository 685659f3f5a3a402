"""`--set key=value`: one value of the configuration for one command, in TOML's own syntax."""

from __future__ import annotations

import difflib
import tomllib
from typing import Any

from sphering.errors import ConfigError

# Lists of tables are addressed by position, or by what names their tables.
_NAMED_BY = {"export": "name", "gate": "metric"}
_EXAMPLE = "--set encoder.max_length=128 or --set 'export.faiss.index=\"HNSW32\"'"


def apply_override(document: dict[str, Any], override: str) -> None:
    """Set one dotted key of a parsed file.

    `export.faiss.index="Flat"` and `export.0.index="Flat"` address a table of a list by its name or position; a gate
    on a metric that has none yet is added.

    Raises
    ------
    ConfigError
        If it is not `key=value`, or the key leads nowhere.
    """
    path, value = _split(override)
    head, rest = path[0], path[1:]
    if head in _NAMED_BY and rest:
        _set_in_list(document, head, rest, value, override)
        return
    table = document
    for key in path[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise _wrong(override, f"{key!r} is a value, not a table")
    table[path[-1]] = value


def _set_in_list(document: dict[str, Any], head: str, rest: list[str], value: Any, override: str) -> None:
    tables = document.setdefault(head, [])
    if not isinstance(tables, list):
        raise _wrong(override, f"{head!r} is no list of tables")
    if len(rest) == 1:
        raise _wrong(override, f"{head}.{rest[0]} names no key of a [[{head}]] table")
    # A metric's name has dots of its own: all between the list and the last key is the name.
    name, key = ".".join(rest[:-1]), rest[-1]
    _table(tables, head, name, override)[key] = value


def _table(tables: list[Any], head: str, name: str, override: str) -> dict[str, Any]:
    named = _NAMED_BY[head]
    if name.isdigit() and int(name) < len(tables):
        found: dict[str, Any] = tables[int(name)]
        return found
    for table in tables:
        if isinstance(table, dict) and table.get(named) == name:
            return table
    if head == "gate" and not name.isdigit():
        tables.append({named: name})
        return tables[-1]  # type: ignore[no-any-return]
    names = [str(table.get(named)) for table in tables if isinstance(table, dict)]
    raise _wrong(override, f"there is no [[{head}]] {name!r}; there is {', '.join(names) or 'none'}", name, names)


def _split(override: str) -> tuple[list[str], Any]:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise _wrong(override, f"{override!r} is no key=value")
    try:
        nested = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError as error:
        raise _wrong(override, f"{key!r} is no dotted key") from error
    return _path(nested), _value(value, override)


def _path(nested: dict[str, Any]) -> list[str]:
    path: list[str] = []
    inner: Any = nested
    while isinstance(inner, dict):
        key, inner = next(iter(inner.items()))
        path.append(key)
    return path


def _value(text: str, override: str) -> Any:
    """Return a TOML value; a bare word is a string, because shells eat the quotes around it."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if any(letter in text for letter in "\"'[]{}\n") or not text.strip():
            raise _wrong(override, f"{text!r} is no TOML value: {error}") from error
        return text.lstrip()


def _wrong(override: str, found: str, name: str = "", names: list[str] | None = None) -> ConfigError:
    near = difflib.get_close_matches(name, names or [], n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"for example {_EXAMPLE}"
    return ConfigError(
        found, expected="key=value with a dotted key and a TOML value", where=f"--set {override}", remedy=remedy
    )
