"""[[export]] tables of indexes that a library of their own builds and searches; they take unit queries."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from sphering.config.export.parts import Searched
from sphering.config.table import ContradictionError


class HnswlibConfig(Searched):
    """An hnswlib index over inner products."""

    chosen_by_recall: ClassVar[tuple[str, ...]] = ("ef_search",)

    format: Literal["hnswlib"] = Field(description="The file format.")
    m: int = Field(16, ge=2, le=512, description="Links of a vector in the graph, hnswlib's M.")
    ef_construction: int = Field(200, gt=0, description="Candidates for those links, while the graph is built.")
    ef_search: int = Field(
        128,
        gt=0,
        description="Candidates of a search, hnswlib's ef, which its file does not keep; `recall_at_10` chooses it.",
    )


class UsearchConfig(Searched):
    """A usearch index."""

    chosen_by_recall: ClassVar[tuple[str, ...]] = ("expansion_search",)

    format: Literal["usearch"] = Field(description="The file format.")
    dtype: Literal["float32", "float16", "bfloat16", "int8"] = Field(
        "float32", description="How a number is stored. An index of int8 is of the metric `cos` and takes int8 queries."
    )
    connectivity: int = Field(16, ge=2, le=512, description="Links of a vector in the graph.")
    expansion_add: int = Field(128, gt=0, description="Candidates for those links, while the graph is built.")
    expansion_search: int = Field(
        128, gt=0, description="Candidates of a search, which usearch's file does not keep; `recall_at_10` chooses it."
    )


class ScannConfig(Searched):
    """A ScaNN searcher: partitions, quantised scores in some of them, and full scores of the best."""

    chosen_by_recall: ClassVar[tuple[str, ...]] = ("leaves_to_search", "reorder")

    format: Literal["scann"] = Field(description="The file format.")
    leaves: int | None = Field(
        None,
        ge=0,
        description=(
            "Partitions, at most a quarter as many as there are vectors; 0: none, every vector is compared. By default "
            "0 below 20,000 vectors, else the square root of their number."
        ),
    )
    leaves_to_search: int | None = Field(
        None,
        gt=0,
        description="Partitions that a search looks into, by default a quarter of them; `recall_at_10` chooses it.",
    )
    reorder: int = Field(
        200, gt=0, description="Candidates that are scored with their full vectors; `recall_at_10` chooses it."
    )

    @model_validator(mode="after")
    def _within_the_leaves(self) -> Self:
        if self.leaves is not None and self.leaves_to_search is not None and self.leaves_to_search > self.leaves:
            raise ContradictionError(
                f"leaves_to_search = {self.leaves_to_search}, and leaves = {self.leaves}",
                ("leaves_to_search",),
                expected="at most as many as there are leaves",
            )
        return self
