"""Tables with variants that the value of one key tells apart, as encoders and exports have; packages may bring more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar

from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue

from sphering.config.table import ContradictionError, Table, nearest


class Variants:
    """The variants of a table, by their names.

    Parameters
    ----------
    key : str
        The key whose value names one.
    words : str
        What a name is one of, as it is said of an unknown one.
    group : str
        The entry points by which installed packages bring further ones: each leads to an object whose attribute
        `config` is the table.
    default : str, optional
        Which one is meant where the key is missing.
    """

    def __init__(self, key: str, words: str, group: str, default: str | None = None) -> None:
        self.key = key
        self.built_in: dict[str, type[Table]] = {}
        self._words, self._group, self._default = words, group, default

    def table(self, values: Mapping[str, Any]) -> type[Table] | None:
        """Return the table that some values name, None where they name none and there is no default.

        Raises
        ------
        ContradictionError
            If there is no such variant.
        """
        name = values.get(self.key, self._default)
        if name is None:
            return None
        if isinstance(name, str) and name in self.built_in:
            return self.built_in[name]
        found: type[Table] = self.third_party(name).load().config
        return found

    def third_party(self, name: Any) -> EntryPoint:
        """Return the variant of a name that an installed package brings.

        Raises
        ------
        ContradictionError
            If none does.
        """
        known = _entry_points(self._group)
        if isinstance(name, str) and name in known:
            return known[name]
        there_are = [*self.built_in, *known]
        raise ContradictionError(
            f"there is no {self._words} {name!r}",
            (self.key,),
            expected=", ".join(there_are),
            remedy=nearest(str(name), there_are) or "name one of these, or install the package that brings it",
        )


class VariantTable(Table):
    """A table with variants. A direct subclass has `variants` and the keys that all of them have.

    Validating a mapping against that subclass gives the table of the variant that it names.
    """

    variants: ClassVar[Variants]

    @classmethod
    def has_variants(cls) -> bool:
        """Return whether this class stands for all variants of a table, and is none of them."""
        return "variants" in vars(cls)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of a variant, or of what stands for all one that turns to the variant that is named."""
        if not cls.has_variants():  # wrapped, it would be given JSON's lists, which are no tuples
            return handler(source)
        return WrapValidator(cls._named).__get_pydantic_core_schema__(source, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of a variant, or of what stands for all that of any, others' included."""
        if not cls.has_variants():
            return handler(schema)
        known = [handler(table.__pydantic_core_schema__) for table in cls.variants.built_in.values()]
        required = [name for name, field in cls.model_fields.items() if field.is_required()]
        return {"anyOf": [*known, {"type": "object", "required": required}]}

    @classmethod
    def _named(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        table: Any = cls.variants.table(value) if isinstance(value, Mapping) else None
        if table is None:  # a table already, or one whose key is missing: say so
            return handler(value)
        if info.mode == "json":  # a file is validated that way, strictly; see `load`
            return table.model_validate_json(json.dumps(value), strict=True)
        return table.model_validate(value)


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}
