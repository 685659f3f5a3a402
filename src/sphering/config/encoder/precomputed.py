"""[encoder] with `kind = "precomputed"`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sphering.config.encoder.table import EncoderConfig


class PrecomputedConfig(EncoderConfig):
    """Vectors that somebody else has made, each beside its text; what made them is declared."""

    kind: Literal["precomputed"] = Field(description="Which encoder.")
    identity: str = Field(
        min_length=1,
        description=(
            "What made the vectors, such as `openai/text-embedding-3-small, 2026-01`. With the dimension it is the "
            "encoder's identity; the files' bytes are not, since their rows change."
        ),
    )
    vectors: str | tuple[str, ...] = Field(
        description=(
            "Parquet files with a column of texts and one of vectors: a file, a glob, or a list of them, relative to "
            "this file. Or one .npy matrix, whose texts stand in `texts`."
        ),
    )
    texts: str | None = Field(
        None,
        description="For a matrix: the Parquet, JSONL or CSV file whose row i has the text of its row i.",
    )
    text: str = Field("text", description="The column with the texts.")
    column: str = Field("embedding", description="The column with the vectors, in Parquet files.")
    unicode: Literal["NFC", "NFKC", "none"] = Field(
        "none", description="How the files' texts are normalised before they are matched: as [normalise] has it."
    )
    strip: bool = Field(False, description="Whether they are stripped before that: as [normalise] has it.")

    @property
    def name(self) -> str:
        """What made the vectors."""
        return self.identity

    @property
    def is_matrix(self) -> bool:
        """Whether the vectors are a matrix without texts."""
        return isinstance(self.vectors, str) and self.vectors.lower().endswith(".npy")

    @model_validator(mode="after")
    def _texts_belong_to_a_matrix(self) -> Self:
        given = (self.vectors,) if isinstance(self.vectors, str) else self.vectors
        if not given:
            raise ValueError("`vectors` names no file")
        if not self.is_matrix and any(name.lower().endswith(".npy") for name in given):
            raise ValueError('a .npy matrix stands alone: write `vectors = "vectors.npy"`')
        if self.is_matrix and self.texts is None:
            raise ValueError("a .npy matrix has no texts: name the file that has them, row by row, in `texts`")
        if not self.is_matrix and self.texts is not None:
            raise ValueError("`texts` belongs to a .npy matrix; Parquet files have their texts in a column, `text`")
        self.refuse_prompts("the vectors are made")
        return self

    def check_normalised(self, normalise: Mapping[str, Any]) -> None:
        """Refuse another normalisation than that of the files' texts."""
        own = {"unicode": self.unicode, "strip": self.strip}
        differing = [name for name, value in own.items() if normalise[name] != value]
        if differing:
            wanted = ", ".join(f"{name} = {json.dumps(normalise[name])}" for name in differing)
            raise ValueError(
                f"precomputed vectors are found by the texts of their files, normalised as [normalise] has it: "
                f"set {wanted} under [encoder], too"
            )
