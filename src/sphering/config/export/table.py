"""The keys that every format's [[export]] table has."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sphering.config.table import Name
from sphering.config.variant import Variants, VariantTable


class ExportConfig(VariantTable):
    """One engine's files: the keys that every format has.

    Validating a mapping against this class gives the table of the format that it names.
    """

    variants: ClassVar[Variants] = Variants("format", "export format", "sphering.exports")

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
