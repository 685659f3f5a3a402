"""[encoder] with `kind = "word-vectors"`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sphering.config.encoder.table import EncoderConfig

SIF_WEIGHT = 1e-3
"""The a of Arora, Liang and Ma (2017)."""


class WordVectorsConfig(EncoderConfig):
    """The mean of the vectors of a text's words, from a file of GloVe, word2vec or fastText."""

    kind: Literal["word-vectors"] = Field(description="Which encoder.")
    path: str = Field(
        description=(
            "A file of word vectors, relative to this file: text, with or without a first line of counts, or "
            "word2vec's binary form; .gz is read as it is."
        ),
    )
    pooling: Literal["mean", "sif", "zipf"] = Field(
        "mean",
        description=(
            "`mean` of the words' vectors; `sif`: weighted by a/(a + p(word)); `zipf`: the mean of vectors that were "
            "centred and whitened under p(word)."
        ),
    )
    a: float = Field(SIF_WEIGHT, gt=0, description="sif: the a of a/(a + p(word)).")
    frequencies: str | None = Field(
        None,
        description=(
            "sif and zipf: a file of `word count` lines for p(word), relative to this file; by default Zipf's law over "
            "the order of the words."
        ),
    )
    tokens: Literal["whitespace", "words"] = Field(
        "words", description="What is a word: a run of letters, marks and digits, or what stands between white space."
    )
    lowercase: bool = Field(False, description="Look words up in lower case, as uncased vectors need it.")

    @property
    def name(self) -> str:
        """The file's path."""
        return self.path

    @model_validator(mode="after")
    def _only_what_is_used(self) -> Self:
        if self.pooling != "sif" and self.a != SIF_WEIGHT:
            raise ValueError('`a` is for pooling = "sif"')
        if self.pooling == "mean" and self.frequencies is not None:
            raise ValueError('`frequencies` is for pooling = "sif" or "zipf"')
        self.refuse_prompts("a prompt adds the same words to every text")
        return self
