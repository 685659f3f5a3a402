"""The keys that every kind of encoder has, and how a kind's table is found by its name."""

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

from sphering.config.table import Table

ENTRY_POINTS = "sphering.encoders"
DEFAULT_KIND = "sentence-transformers"


def _of_its_kind(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    if not isinstance(value, Mapping):
        return handler(value)
    table: Any = encoder_table(value)
    if info.mode == "json":  # a file is validated that way, strictly; see `load`
        return table.model_validate_json(json.dumps(value), strict=True)
    return table.model_validate(value)


class EncoderConfig(Table):
    """Text to vector: the keys that every kind of encoder has.

    Validating a mapping against this class gives the table of the kind that it names.
    """

    kind: str = Field(description="Which encoder.")
    document_prompt: str = Field("", description="Put in front of every document's text.")
    query_prompt: str = Field("", description="Put in front of every query.")
    max_drift: float = Field(1e-6, ge=0, description="Largest cosine distance to the stored probe that is tolerated.")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of a kind's table, or of this class one that turns to the table of the named kind."""
        if Table not in cls.__bases__:  # wrapped, it would be given JSON's lists, which are no tuples
            return handler(source)
        return WrapValidator(_of_its_kind).__get_pydantic_core_schema__(source, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of a kind's table, or of this class that of any kind's, others' included."""
        if cls is not EncoderConfig:
            return handler(schema)
        known = [handler(table.__pydantic_core_schema__) for table in BUILT_IN.values()]
        return {"anyOf": [*known, {"type": "object", "required": ["kind"]}]}

    @property
    def resolved_once(self) -> tuple[str, ...] | None:
        """What is resolved at its first run on a corpus, and pinned, as names of the model; None where nothing is."""
        return None

    @property
    def least_cosine(self) -> float:
        """The least cosine to the vectors of a reference that is accepted, where the encoder stands for one."""
        return -1.0

    @property
    def asks_the_hub(self) -> bool:
        """Whether a model may have to be fetched from the hub."""
        return False

    @property
    def hosted(self) -> bool:
        """Whether a server computes the vectors: it may change at any time, and this machine decides no bit."""
        return False

    def cost(self, billed_tokens: int) -> float | None:
        """Return what so many tokens cost, in the currency of the configured price; None where there is none."""
        return None

    @property
    def name(self) -> str:
        """What a user calls the encoder."""
        return self.kind

    def check_normalised(self, normalise: Mapping[str, Any]) -> None:
        """Refuse texts that are normalised otherwise than this encoder expects; `normalise` is [normalise].

        Raises
        ------
        ValueError
            If they are.
        """

    def refuse_prompts(self, why: str) -> None:
        """Refuse the prompts where a kind has no use for them.

        Raises
        ------
        ValueError
            If there is one.
        """
        given = [name for name in ("document_prompt", "query_prompt") if getattr(self, name)]
        if given:
            raise ValueError(f"{self.kind} does not take {' and '.join(given)}: {why}")


BUILT_IN: dict[str, type[EncoderConfig]] = {}
"""The tables of this package's kinds, by their names; the package fills it."""


def encoder_table(values: Mapping[str, Any]) -> type[EncoderConfig]:
    """Return the table of the kind of encoder that some values name.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    kind = values.get("kind", DEFAULT_KIND)
    if isinstance(kind, str) and kind in BUILT_IN:
        return BUILT_IN[kind]
    known = third_party_kinds()
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"there is no encoder of the kind {kind!r}; there is {', '.join([*BUILT_IN, *known])}")
    table: type[EncoderConfig] = known[kind].load().config
    return table


@cache
def third_party_kinds() -> dict[str, EntryPoint]:
    """Return the kinds that installed packages bring, as entry points by their names."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
