"""The tables of a configuration file and the models behind them, read off the one model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from sphering.config.encoder import BUILT_IN, EncoderConfig, encoder_table
from sphering.config.model import Config


@cache
def tables() -> tuple[tuple[str, type[BaseModel]], ...]:
    """Return (name as it stands in the file, model) of every table; the top of the file has the name ''.

    [encoder] comes once for each kind of encoder.
    """
    found: list[tuple[str, type[BaseModel]]] = [("", Config)]
    for key, field in Config.model_fields.items():
        model = table_model(field.annotation)
        if model is not None:
            name = f"[[{key}]]" if is_list(field.annotation) else f"[{key}]"
            found.extend((name, kind) for kind in (BUILT_IN.values() if model is EncoderConfig else [model]))
    return tuple(found)


def model_of(table: str, content: Mapping[str, Any]) -> type[BaseModel]:
    """Return the model behind a table's key, `encoder` for [encoder], as the content of a file has it.

    Any other key, such as one of the top of the file, has the model of the whole file.
    """
    field = Config.model_fields.get(table)
    model = table_model(field.annotation) if field else None
    if model is not EncoderConfig:
        return model or Config
    values = content.get(table)
    try:
        return encoder_table(values if isinstance(values, Mapping) else {})
    except ValueError:
        return EncoderConfig


def is_list(annotation: Any) -> bool:
    """Return whether an annotation is a tuple of anything."""
    return getattr(annotation, "__origin__", None) is tuple


def table_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as `Model`, `Model | None` or `tuple[Model, ...]`, or None."""
    if isinstance(annotation, type) and not getattr(annotation, "__origin__", None):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((model for argument in get_args(annotation) if (model := table_model(argument))), None)
