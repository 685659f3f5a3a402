"""The [[export]] tables: each format has keys of its own, and those of another format are refused.

A package may bring further formats: an entry point of the group `sphering.exports`, named like the format, that leads
to an object with the attribute `config`, a subclass of `ExportConfig`.
"""

from __future__ import annotations

from sphering.config.export.databases import PgvectorConfig, QdrantConfig
from sphering.config.export.documents import Hdf5Config, NdjsonConfig
from sphering.config.export.faiss import FaissConfig
from sphering.config.export.indexes import HnswlibConfig, ScannConfig, UsearchConfig
from sphering.config.export.table import ExportConfig
from sphering.config.export.vectors import DuckdbConfig, FbinConfig, NpyConfig, ParquetConfig

__all__ = [
    "DuckdbConfig",
    "ExportConfig",
    "FaissConfig",
    "FbinConfig",
    "Hdf5Config",
    "HnswlibConfig",
    "NdjsonConfig",
    "NpyConfig",
    "ParquetConfig",
    "PgvectorConfig",
    "QdrantConfig",
    "ScannConfig",
    "UsearchConfig",
]

ExportConfig.variants.built_in.update(
    {
        "npy": NpyConfig,
        "parquet": ParquetConfig,
        "fbin": FbinConfig,
        "duckdb": DuckdbConfig,
        "ndjson": NdjsonConfig,
        "hdf5": Hdf5Config,
        "faiss": FaissConfig,
        "pgvector": PgvectorConfig,
        "qdrant": QdrantConfig,
        "hnswlib": HnswlibConfig,
        "usearch": UsearchConfig,
        "scann": ScannConfig,
    }
)
