"""The tables of a configuration file and the models behind them, read off the one model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from sphering.config.encoder import BUILT_IN as ENCODERS
from sphering.config.encoder import EncoderConfig, encoder_table
from sphering.config.export import BUILT_IN as EXPORTS
from sphering.config.export import ExportConfig, export_table
from sphering.config.model import Config

_TOLD_BY = ((EncoderConfig, "kind"), (ExportConfig, "format"))


@cache
def tables() -> tuple[tuple[str, type[BaseModel]], ...]:
    """Return (name as it stands in the file, model) of every table; the top of the file has the name ''.

    [encoder] comes once for each kind of encoder, [[export]] once for each format.
    """
    found: list[tuple[str, type[BaseModel]]] = [("", Config)]
    for key, field in Config.model_fields.items():
        model = table_model(field.annotation)
        if model is not None:
            name = f"[[{key}]]" if is_list(field.annotation) else f"[{key}]"
            found.extend((name, variant) for variant in variants(model))
    return tuple(found)


def variants(model: type[BaseModel]) -> Collection[type[BaseModel]]:
    """Return the models of a table that has several: one for each kind of encoder or format of export."""
    if model is EncoderConfig:
        return ENCODERS.values()
    return EXPORTS.values() if model is ExportConfig else [model]


def variant_words(model: type[BaseModel]) -> str:
    """Return what tells the table of one kind of encoder, or one format of export, from those of others."""
    key = next((key for parent, key in _TOLD_BY if issubclass(model, parent)), None)
    return f'{key} = "{get_args(model.model_fields[key].annotation)[0]}"' if key else ""


def model_of(path: Sequence[str | int], content: Mapping[str, Any]) -> type[BaseModel]:
    """Return the model of the table that a path leads into, such as (`encoder`,) or (`export`, 1).

    Any other path, such as a key of the top of the file, has the model of the whole file.
    """
    field = Config.model_fields.get(str(path[0])) if path else None
    model = table_model(field.annotation) if field else None
    if model is None or len(variants(model)) == 1:
        return model or Config
    values = _at(path, content)
    try:
        found = encoder_table(values) if model is EncoderConfig else export_table(values)
    except ValueError:
        return model
    return found or model


def _at(path: Sequence[str | int], content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table at a path; an empty one where there is none."""
    place: Any = content.get(str(path[0]))
    for part in path[1:]:
        place = place[part] if isinstance(place, list) and isinstance(part, int) and part < len(place) else None
    return place if isinstance(place, Mapping) else {}


def is_list(annotation: Any) -> bool:
    """Return whether an annotation is a tuple of anything."""
    return getattr(annotation, "__origin__", None) is tuple


def table_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as `Model`, `Model | None` or `tuple[Model, ...]`, or None."""
    if isinstance(annotation, type) and not getattr(annotation, "__origin__", None):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((model for argument in get_args(annotation) if (model := table_model(argument))), None)
