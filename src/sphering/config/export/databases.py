"""[[export]] tables of databases that are filled over a connection: PostgreSQL with pgvector, and Qdrant."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sphering.config.export.parts import Renewed
from sphering.config.table import ContradictionError

_LONGEST_NAME = 50
_KEYS_OF = {"hnsw": ("m", "ef_construction"), "ivfflat": ("lists",), "none": ()}
_HNSW_M, _HNSW_EF = 16, 64
_Label = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PgvectorConfig(Renewed):
    """A file for PostgreSQL's COPY and the psql script that loads and indexes it."""

    format: Literal["pgvector"] = Field(description="The file format.")
    dtype: Literal["float32", "float16"] = Field(
        "float32", description="How a number is stored: in a column of the type vector, or halfvec."
    )
    table: _Label | None = Field(
        None, description="The table that load.sql makes, at most 50 bytes; by default the export's name."
    )
    index: Literal["hnsw", "ivfflat", "none"] = Field("hnsw", description="The index that load.sql builds.")
    m: int | None = Field(None, ge=2, le=100, description="hnsw: neighbours of a vector; by default 16.")
    ef_construction: int | None = Field(
        None, ge=4, le=1000, description="hnsw: candidates while it is built, at least 2 m; by default 64, or 2 m."
    )
    lists: int | None = Field(
        None,
        ge=1,
        le=32768,
        description="ivfflat: lists; by default a thousandth of the vectors, beyond a million their square root.",
    )

    @property
    def table_name(self) -> str:
        """The table's name."""
        return self.table or self.name

    def hnsw(self) -> tuple[int, int]:
        """Return m and ef_construction."""
        m = self.m or _HNSW_M
        return m, self.ef_construction or max(_HNSW_EF, 2 * m)

    @model_validator(mode="after")
    def _keys_go_together(self) -> Self:
        length = len(self.table_name.encode())
        if length > _LONGEST_NAME:
            raise ContradictionError(
                f"a table's name of {length} bytes",
                ("table",),
                expected=f"at most {_LONGEST_NAME}: PostgreSQL cuts longer names, those of its indexes too",
                remedy="name a shorter `table`",
            )
        for kind, names in _KEYS_OF.items():
            for name in names if kind != self.index else ():
                if getattr(self, name) is not None:
                    raise ContradictionError(f"`{name}` is of an {kind} index, and this one is {self.index}", (name,))
        m, ef_construction = self.hnsw()
        if ef_construction < 2 * m:
            raise ContradictionError(
                f"ef_construction = {ef_construction} and m = {m}",
                ("ef_construction",),
                expected=f"at least {2 * m}, twice m: pgvector refuses less",
            )
        return self


class QdrantConfig(Renewed):
    """Bodies of Qdrant's REST interface and the script that sends them."""

    format: Literal["qdrant"] = Field(description="The file format.")
    dtype: Literal["float32", "float16"] = Field("float32", description="How Qdrant stores a number.")
    collection: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] | None = Field(
        None, description="The alias under which load.sh publishes the collection; by default the export's name."
    )

    @property
    def alias(self) -> str:
        """The name that readers ask."""
        return self.collection or self.name
