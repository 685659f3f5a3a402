"""[[export]] with `format = "faiss"`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sphering.config.export.parts import Searched


class FaissConfig(Searched):
    """A FAISS index with the transform inside, which takes raw queries."""

    chosen_by_recall: ClassVar[tuple[str, ...]] = ("ef_search", "nprobe", "k_factor")

    format: Literal["faiss"] = Field(description="The file format.")
    index: str = Field("HNSW32", description="A factory string, without transform and id map.")
    ef_search: int = Field(128, gt=0, description="efSearch of HNSW indexes; `recall_at_10` chooses it.")
    nprobe: int = Field(16, gt=0, description="nprobe of IVF indexes; `recall_at_10` chooses it.")
    k_factor: int = Field(
        10,
        gt=0,
        description=(
            "Of indexes that end in RFlat or Refine: so many times k candidates are scored again; `recall_at_10` "
            "chooses it."
        ),
    )
