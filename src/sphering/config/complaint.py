"""What is wrong with a configuration, in words: the key, its table and line, what was found and what was expected."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sphering.config.model import Config
from sphering.config.position import line_of, place_words, table_name
from sphering.config.schema import model_of, table_model, tables, variant_words, variants
from sphering.config.table import ContradictionError
from sphering.errors import ConfigError

_HIDDEN = "base"
_MEMBERS = ("str", "float", "constrained-float")
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a string",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def complain(error: ValidationError, content: Mapping[str, Any], text: str, file: Path) -> ConfigError:
    """Return the error that the user reads: the first complaint in full, the others in a line each."""
    complaints = [_Complaint(dict(entry), content, text, file) for entry in _without_echoes(error)]
    first, others = complaints[0], complaints[1:]
    remedy = first.remedy
    if others:
        remedy = remedy.rstrip(".") + "; also wrong: " + "; ".join(other.found for other in others)
    return ConfigError(first.found, expected=first.expected, where=first.where, remedy=remedy)


def _without_echoes(error: ValidationError) -> list[Any]:
    """Return one complaint a key; unknown keys come first, because they explain what is missing.

    A union such as `str | list` complains once for each of its members.
    """
    entries = sorted(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    unique: dict[tuple[Any, ...], Any] = {}
    for entry in entries:
        unique.setdefault(_location(entry["loc"]), entry)
    return list(unique.values())


def _location(loc: Sequence[Any]) -> tuple[str | int, ...]:
    """Return the path of keys and positions, without pydantic's marks of union members such as `tuple[str, ...]`."""
    return tuple(part.strip() if isinstance(part, str) else part for part in loc if _is_key(part))


def _is_key(part: Any) -> bool:
    return isinstance(part, int) or (part not in _MEMBERS and "[" not in part)


class _Complaint:
    """One wrong key or value."""

    def __init__(self, entry: Mapping[str, Any], content: Mapping[str, Any], text: str, file: Path) -> None:
        self._contradiction = _contradiction(entry)
        inside = self._contradiction.path if self._contradiction else ()
        self._path = (*_location(entry["loc"]), *inside)
        self._content = content
        self._entry = entry
        self._key = str(self._path[-1]) if self._path else ""
        self.where = place_words(file, line_of(text, self._path), _table_name(self._path))
        self.found, self.expected, self.remedy = self._words()

    def _words(self) -> tuple[str, str, str]:
        if self._contradiction is not None:
            said = self._contradiction
            return str(said), said.expected or self._description(), said.remedy or "see docs/configuration.md"
        kind = self._entry["type"]
        if kind == "extra_forbidden":
            return self._unknown()
        if kind == "missing":
            return (
                f"the key {self._key!r} is missing{_of(self._path)}",
                self._description(),
                f"add `{self._key} = …`" if self._key != "source" else "add a [source] table with a `path`",
            )
        if kind == "value_error":
            reason = str(self._entry["ctx"]["error"])
            return (
                f"{_table_name(self._path) or 'the file'}: {reason}",
                self._description(),
                "see docs/configuration.md",
            )
        shown = json.dumps(self._entry["input"], ensure_ascii=False, default=str)
        dotted = ".".join(str(part) for part in self._path)
        return f"{dotted} = {shown[:120]}", _expectation(self._entry), f"{dotted}: {self._description()}"

    def _unknown(self) -> tuple[str, str, str]:
        table = _table_name(self._path)
        known = _keys(self._model(self._path[:-1]))
        near = difflib.get_close_matches(self._key, known, n=1, cutoff=0.5)
        elsewhere = [
            name for name, model in tables() if self._key in model.model_fields and name != "" and name != table
        ]
        if near:
            remedy = f"did you mean `{near[0]}`?"
        elif siblings := self._siblings():
            remedy = f"the key `{self._key}` is of {' and '.join(siblings)}"
        elif elsewhere:
            remedy = f"the key `{self._key}` belongs in {elsewhere[0]}"
        else:
            remedy = "remove it, or see docs/configuration.md"
        return f"unknown key {self._key!r}{_of(self._path)}", f"one of {', '.join(known)}", remedy

    def _siblings(self) -> list[str]:
        """Return the other kinds of the same table that have the key, such as `format = "faiss"`."""
        field = Config.model_fields.get(str(self._path[0]))
        parent = table_model(field.annotation) if field else None
        others = variants(parent) if parent else ()
        return [words for model in others if self._key in model.model_fields and (words := variant_words(model))]

    def _model(self, path: Sequence[str | int]) -> type[BaseModel]:
        return model_of(path, self._content)

    def _description(self) -> str:
        keys = [part for part in self._path if isinstance(part, str)]
        field = self._model(self._path[:-1]).model_fields.get(keys[-1]) if keys else None
        if field is not None and field.description:
            return field.description
        if keys:
            return f"a table with {', '.join(_keys(self._model(self._path)))}"
        return "a configuration as docs/configuration.md describes it"


def _contradiction(entry: Mapping[str, Any]) -> ContradictionError | None:
    error = entry.get("ctx", {}).get("error")
    return error if isinstance(error, ContradictionError) else None


def _of(path: Sequence[str | int]) -> str:
    table = _table_name(path)
    return f" in {table}" if table else ""


def _table_name(path: Sequence[str | int]) -> str:
    """Return `[encoder]` or `[[export]] number 2` for the table that a path leads into, '' at the top."""
    if not path or (len(path) == 1 and not _is_table(path[0])):
        return ""
    return table_name(path)


def _is_table(key: str | int) -> bool:
    return any(name == f"[{key}]" for name, _ in tables())


def _keys(model: type[BaseModel]) -> list[str]:
    return [key for key in model.model_fields if key != _HIDDEN]


def _expectation(entry: Mapping[str, Any]) -> str:
    if entry["type"] in _KINDS:
        return _KINDS[entry["type"]]
    message = str(entry["msg"])
    for start in ("Input should be ", "String should ", "Value error, "):
        message = message.removeprefix(start)
    return message[:1].lower() + message[1:]
