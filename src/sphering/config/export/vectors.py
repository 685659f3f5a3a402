"""[[export]] tables of formats that hold vectors alone."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sphering.config.export.parts import Renewed, Sharded
from sphering.config.export.table import ExportConfig
from sphering.config.table import ContradictionError

_SCALE = (
    "int8: what ±127 stands for: the largest number of each vector, or of each dimension over all vectors; the numbers "
    "lie in scales.npy."
)


class _Scaled(Sharded):
    """A format that can hold int8."""

    scale: Literal["vector", "dimension"] | None = Field(None, description=_SCALE)

    @model_validator(mode="after")
    def _scale_is_of_int8(self) -> Self:
        dtype = getattr(self, "dtype", None)
        if self.scale is not None and dtype != "int8":
            raise ContradictionError(
                f'`scale` is of dtype = "int8", and the export {self.name!r} is {dtype}', ("scale",)
            )
        return self


class NpyConfig(_Scaled):
    """NumPy's own files, and ids.parquet."""

    format: Literal["npy"] = Field(description="The file format.")
    dtype: Literal["float32", "float16", "int8", "binary"] = Field(
        "float32", description="How a number is stored; `binary` keeps its sign alone, eight to a byte."
    )


class FbinConfig(_Scaled):
    """big-ann's files (.fbin, .f16bin, .i8bin), and ids.parquet."""

    format: Literal["fbin"] = Field(description="The file format.")
    dtype: Literal["float32", "float16", "int8"] = Field("float32", description="How a number is stored.")
    ground_truth: int | None = Field(
        None,
        gt=0,
        le=1000,
        description="Write the queries of [evaluation] and their so many exact neighbours beside the vectors.",
    )

    @property
    def needs_queries(self) -> bool:
        """The ground truth is of queries."""
        return self.ground_truth is not None

    @property
    def uses_queries(self) -> bool:
        """Fewer bits have a recall, and the ground truth is of the queries."""
        return self.ground_truth is not None or super().uses_queries


class ParquetConfig(_Scaled, Renewed):
    """Parquet with a fixed-size list of numbers a row."""

    format: Literal["parquet"] = Field(description="The file format.")
    dtype: Literal["float32", "float16", "int8"] = Field("float32", description="How a number is stored.")

    @model_validator(mode="after")
    def _scale_is_kept(self) -> Self:
        if self.delta and self.scale == "dimension":
            raise ContradictionError(
                '`delta` and scale = "dimension", which other documents change', ("delta",), expected='scale = "vector"'
            )
        return self


class DuckdbConfig(ExportConfig):
    """A DuckDB database."""

    format: Literal["duckdb"] = Field(description="The file format.")
