"""[[export]] tables of formats that hold whole documents for an engine, or queries beside the vectors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sphering.config.export.table import ExportConfig


class NdjsonConfig(ExportConfig):
    """Bulk requests for a search engine, and the index that they go into."""

    format: Literal["ndjson"] = Field(description="The file format.")
    engine: Literal["elasticsearch", "opensearch"] = Field(
        "elasticsearch", description="Whose limits are checked, and whose mapping index.json holds."
    )


class Hdf5Config(ExportConfig):
    """A data set of ann-benchmarks: vectors, the queries of [evaluation] and their exact neighbours."""

    format: Literal["hdf5"] = Field(description="The file format.")

    @property
    def uses_queries(self) -> bool:
        """It holds them."""
        return True

    @property
    def needs_queries(self) -> bool:
        """It holds nothing that could be measured without them."""
        return True
