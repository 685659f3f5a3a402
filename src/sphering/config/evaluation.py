"""The [evaluation] table."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sphering.config.table import Table


class EvaluationConfig(Table):
    """What a transform, a recall and a threshold are measured on: one or more of pairs, queries, halves and labels."""

    pairs: str | None = Field(
        None, description="A Parquet, JSONL or CSV file of pairs of texts with a score, relative to this file."
    )
    sentence1: str = Field("sentence1", description="pairs: the column of the first text.")
    sentence2: str = Field("sentence2", description="pairs: the column of the second text.")
    score: str = Field("score", description="pairs: the column of the score; the more alike, the larger.")
    positive: float | None = Field(
        None,
        description=(
            "pairs: the score from which two texts count as saying the same; by default four fifths of the way from "
            "the smallest score to the largest."
        ),
    )
    queries: str | None = Field(
        None, description="A Parquet, JSONL or CSV file of queries, relative to this file; needs `qrels`."
    )
    qrels: str | None = Field(None, description="A file of judgements with the columns query_id, doc_id, relevant.")
    id: str = Field("_id", description="The queries' id column.")
    text: str = Field("text", description="The queries' text column.")
    halves: int | None = Field(
        None,
        ge=20,
        le=5_000,
        description=(
            "So many texts of the snapshot (smallest hashes, two sentences or more) are cut in two; the first half "
            "must find the second."
        ),
    )
    labels: str | None = Field(
        None, description="A column of [source] labels on which a choice of the transform may be judged."
    )

    @model_validator(mode="after")
    def _something_to_measure_on(self) -> Self:
        if (self.queries is None) != (self.qrels is None):
            raise ValueError("`queries` and `qrels` need each other")
        if (self.pairs, self.queries, self.halves, self.labels) == (None,) * 4:
            raise ValueError("give at least one of `pairs`, `queries` with `qrels`, `halves` and `labels`")
        if self.positive is not None and self.pairs is None:
            raise ValueError("`positive` is of `pairs`, which is not given")
        return self
