"""docs/configuration.md, generated from the model: `python -m sphering.config.reference` prints it."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sphering.config.schema import is_list, table_model, tables, variant_words

_HIDDEN = "base"
_INTRODUCTION = """# Configuration

One TOML file, by default `sphering.toml`, says what a run reads, how it encodes it, what it measures and what it
exports. `sphering init` writes one to start from. An unknown key is refused, with the nearest one that is known.
Relative paths are relative to the file. `--set key=value` overrides a key for one command:
`--set encoder.max_length=128`, `--set export.index.nprobe=32` (a table of a list, by its name or position),
`--set gate.documents_change.min=-0.5`. Secrets never stand in the file; they come from the environment.
What a gate may bound is listed in [metrics.md](metrics.md).

This page is generated from the models in `src/sphering/config/`: `python -m sphering.config.reference`.
"""
_KINDS = {str: "string", int: "whole number", float: "number", bool: "true or false"}


def page() -> str:
    """Return the whole page as Markdown."""
    return _INTRODUCTION + "".join(_section(name, model) for name, model in tables())


def _section(name: str, model: type[BaseModel]) -> str:
    words = variant_words(model)
    title = f"`{name}`{f' with `{words}`' if words else ''}" if name else "Top of the file"
    lines = ["", f"## {title}", "", *([_summary(model), ""] if name else [])]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{key}` | {_kind(field)} | {_default(field)} | {_cell(field.description or '')} |"
        for key, field in model.model_fields.items()
        if key != _HIDDEN and table_model(field.annotation) is None
    ]
    return "\n".join(lines) + "\n"


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _kind(field: FieldInfo) -> str:
    words = " or ".join(_kinds(field.annotation))
    limits = [limit for entry in field.metadata if (limit := _limit(entry))]
    return _cell(", ".join([words, *limits]))


def _kinds(annotation: Any) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _kinds(arguments[0])
    elif origin is Literal:
        yield " or ".join(f"`{_toml(value)}`" for value in arguments)
    elif origin in (Union, types.UnionType):
        for member in arguments:
            if member is not type(None):
                yield from _kinds(member)
    elif is_list(annotation):
        yield f"list of {' or '.join(_kinds(arguments[0]))}s"
    else:
        yield _KINDS[annotation]


def _limit(entry: Any) -> str:
    for attribute, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
        bound = getattr(entry, attribute, None)
        if bound is not None:
            return f"{sign} {bound:g}"
    pattern = getattr(entry, "pattern", None)
    return f"`{pattern}`" if pattern else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "by this machine"
    return "none" if field.default is None else f"`{_cell(_toml(field.default))}`"


def _toml(value: Any) -> str:
    """Return a value as it is written in TOML."""
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) else f"{value:.1f}"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
