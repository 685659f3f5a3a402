"""The keys that every format's [[export]] table has, and how a format's table is found by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue

from sphering.config.table import ContradictionError, Name, Table, nearest

ENTRY_POINTS = "sphering.exports"


def _of_its_format(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    table: Any = export_table(value) if isinstance(value, Mapping) else None
    if table is None:  # a table already, or one whose key `format` is missing: say so
        return handler(value)
    if info.mode == "json":  # a file is validated that way, strictly; see `load`
        return table.model_validate_json(json.dumps(value), strict=True)
    return table.model_validate(value)


class ExportConfig(Table):
    """One engine's files: the keys that every format has.

    Validating a mapping against this class gives the table of the format that it names.
    """

    name: Name = Field(description="The export's name.")
    format: str = Field(description="The file format.")
    metadata: tuple[str, ...] | None = Field(
        None, description="The columns of [source] metadata that the export carries; by default all of them."
    )
    truncate_dim: int | None = Field(
        None,
        gt=0,
        description=(
            "Keep the first k dimensions of each vector, normalised again; after a whitening in principal axes these "
            "are the first k principal components. Queries must be cut alike."
        ),
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of a format's table, or of this class one that turns to the table of the named format."""
        if Table not in cls.__bases__:  # wrapped, it would be given JSON's lists, which are no tuples
            return handler(source)
        return WrapValidator(_of_its_format).__get_pydantic_core_schema__(source, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of a format's table, or of this class that of any format's, others' included."""
        if cls is not ExportConfig:
            return handler(schema)
        known = [handler(table.__pydantic_core_schema__) for table in BUILT_IN.values()]
        return {"anyOf": [*known, {"type": "object", "required": ["name", "format"]}]}

    @property
    def has_recall(self) -> bool:
        """Whether a search in it may find other rows than an exact one: then its recall is measured."""
        return self.truncate_dim is not None or getattr(self, "dtype", "float32") != "float32"

    @property
    def uses_queries(self) -> bool:
        """Whether what is made, or said of it, depends on the queries of an evaluation: then they enter its id."""
        return self.has_recall

    @property
    def needs_queries(self) -> bool:
        """Whether it cannot be made without the queries of an evaluation."""
        return False

    @property
    def holds_delta(self) -> bool:
        """Whether the export holds what turns its predecessor into it: then the base enters its id."""
        return bool(getattr(self, "delta", False))

    @property
    def least_recall(self) -> float | None:
        """The recall@10 that the export's search settings are chosen for; None where they are given."""
        return None


BUILT_IN: dict[str, type[ExportConfig]] = {}
"""The tables of this package's formats, by their names; the package fills it."""


def export_table(values: Mapping[str, Any]) -> type[ExportConfig] | None:
    """Return the table of the format that some values name, None where they name none.

    Raises
    ------
    ContradictionError
        If there is no such format.
    """
    name = values.get("format")
    if name is None:
        return None
    if isinstance(name, str) and name in BUILT_IN:
        return BUILT_IN[name]
    known = third_party_formats()
    if not isinstance(name, str) or name not in known:
        there_are = [*BUILT_IN, *known]
        raise ContradictionError(
            f"there is no export format {name!r}",
            ("format",),
            expected=", ".join(there_are),
            remedy=nearest(str(name), there_are) or "name one of these, or install the package that brings it",
        )
    table: type[ExportConfig] = known[name].load().config
    return table


@cache
def third_party_formats() -> dict[str, EntryPoint]:
    """Return the formats that installed packages bring, as entry points by their names."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
