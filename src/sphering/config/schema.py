"""The tables of a configuration file and the models behind them, read off the one model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel

from sphering.config.model import Config
from sphering.config.table import ContradictionError
from sphering.config.variant import VariantTable


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
    return model.variants.built_in.values() if _has_variants(model) else [model]


def variant_words(model: type[BaseModel]) -> str:
    """Return what tells the table of one kind of encoder, or one format of export, from those of others."""
    if not issubclass(model, VariantTable):
        return ""
    key = model.variants.key
    return f'{key} = "{get_args(model.model_fields[key].annotation)[0]}"'


def model_of(path: Sequence[str | int], content: Mapping[str, Any]) -> type[BaseModel]:
    """Return the model of the table that a path leads into, such as (`encoder`,) or (`export`, 1).

    Any other path, such as a key of the top of the file, has the model of the whole file.
    """
    field = Config.model_fields.get(str(path[0])) if path else None
    model = table_model(field.annotation) if field else None
    if model is None or not _has_variants(model):
        return model or Config
    try:
        return model.variants.table(_at(path, content)) or model
    except ContradictionError:
        return model


def _has_variants(model: type[BaseModel]) -> TypeGuard[type[VariantTable]]:
    return issubclass(model, VariantTable) and model.has_variants()


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
