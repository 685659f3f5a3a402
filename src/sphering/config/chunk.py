"""The table of sphering.toml that says how source documents are cut."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sphering.config.table import Table


class ChunkConfig(Table):
    """Source documents cut into chunks at paragraph, line, sentence and word borders; without this table, uncut."""

    tokenizer: str | None = Field(
        None,
        description=(
            "What counts tokens: by default the encoder's own tokenizer; or a folder, `package:NAME` or `org/name` as "
            "in [encoder] model, or a tokenizer.json file."
        ),
    )
    revision: str | None = Field(None, description="The commit of a hub tokenizer; needed for hub names.")
    tokens: int | None = Field(
        None,
        gt=0,
        description=(
            "Most tokens of a chunk, the special tokens and those of the document prompt among them; by default 256, "
            "or the encoder's longest input where that is shorter."
        ),
    )
    overlap: int = Field(
        0,
        ge=0,
        description="Most tokens at the end of a chunk that the next one begins with again; fewer than `tokens`.",
    )

    @model_validator(mode="after")
    def _each_chunk_goes_on(self) -> Self:
        if self.tokens is not None and self.overlap >= self.tokens:
            raise ValueError(f"`overlap` is {self.overlap} tokens, and a chunk has only {self.tokens}")
        if self.revision is not None and self.tokenizer is None:
            raise ValueError("`revision` is of `tokenizer`, which is not given")
        return self
