"""Every registered format passes the conformance class on real text; a new one passes by being registered."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.export.conformance import ExportConformance
from sphering.export.formats.pgvector.copy_binary import read_rows
from sphering.export.opening import FORMATS

EXAMPLES = Path(__file__).parents[2] / "examples"
TABLES = [
    {"format": "npy"},
    {"format": "npy", "shard_rows": 100, "metadata": ["length"]},
    {"format": "npy", "dtype": "float16", "shard_rows": 239},
    {"format": "npy", "dtype": "int8", "shard_rows": 80},
    {"format": "npy", "dtype": "int8", "scale": "dimension", "truncate_dim": 200},
    {"format": "npy", "dtype": "binary", "truncate_dim": 100, "shard_rows": 100},
    {"format": "fbin", "ground_truth": 10},
    {"format": "fbin", "dtype": "float16", "truncate_dim": 64, "shard_rows": 100},
    {"format": "fbin", "dtype": "int8", "metadata": []},
    {"format": "parquet"},
    {"format": "parquet", "dtype": "float16", "shard_rows": 100},
    {"format": "parquet", "dtype": "int8", "shard_rows": 101, "truncate_dim": 200},
    {"format": "parquet", "dtype": "int8", "scale": "dimension", "metadata": ["first"]},
    {"format": "duckdb"},
    {"format": "ndjson"},
    {"format": "ndjson", "engine": "opensearch", "truncate_dim": 100},
    {"format": "hdf5"},
    {"format": "faiss", "index": "Flat"},
    {"format": "pgvector"},
    {"format": "pgvector", "dtype": "float16", "truncate_dim": 100, "metadata": ["first"]},
    {"format": "qdrant"},
    {"format": "qdrant", "dtype": "float16", "metadata": []},
    {"format": "hnswlib", "m": 8},
    {"format": "usearch", "metadata": ["length"]},
    {"format": "usearch", "dtype": "bfloat16"},
    {"format": "usearch", "dtype": "int8"},
    {"format": "scann", "leaves": 0},
    {"format": "scann", "leaves": 16},
]
"""What is tested of each format: at least one table each."""
OTHER_BYTES = ("duckdb", "faiss", "hnswlib", "usearch", "scann")


def _name(table: dict) -> str:
    return "-".join(str(value) for value in table.values())


def test_every_registered_format_is_tested():
    assert {table["format"] for table in TABLES} == set(FORMATS)


class TestEveryFormat(ExportConformance):
    @pytest.fixture(params=TABLES, ids=_name)
    def options(self, request):
        return request.param

    @pytest.fixture(scope="class")
    def corpus(self, xquad):
        metadata = [{"first": text[0], "length": len(text)} for text in xquad.texts]
        return dataclasses.replace(xquad, metadata=metadata)

    @pytest.fixture(scope="class")
    def queries(self, encoding):
        rows = pq.read_table(EXAMPLES / "xquad" / "questions.parquet").to_pylist()
        return encoding.vectors([row["text"] for row in rows if row["lang"] == "en"][:120], role="query")

    def has_same_bytes(self, options):
        return options["format"] not in OTHER_BYTES

    def read_metadata(self, folder):
        if (found := super().read_metadata(folder)) is not None:
            return found
        if (folder / "vectors.duckdb").is_file():
            import duckdb

            with duckdb.connect(folder / "vectors.duckdb", read_only=True) as connection:
                return [row[0] for row in connection.execute("SELECT metadata FROM vectors ORDER BY rowid").fetchall()]
        if files := sorted(folder.glob("bulk-*.ndjson")):
            lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
            return [json.dumps(json.loads(line)["metadata"]) for line in lines[1::2]]
        if (copied := folder / "vectors.copy").is_file():
            return [row.as_py()[1:].decode() for *_, column in read_rows(copied, 4) for row in column]
        if files := sorted(folder.glob("points-*.json")):
            points = [point for file in files for point in json.loads(file.read_text(encoding="utf-8"))["points"]]
            return [json.dumps(point["payload"]["metadata"]) for point in points]
        import polars as pl

        return [
            text
            for file in sorted(folder.glob("*.parquet"))
            if file.name != "excluded.parquet"
            for text in pl.read_parquet(file)["metadata"]
        ]
