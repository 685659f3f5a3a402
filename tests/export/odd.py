"""Ids and metadata that engines stumble over."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid5

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.export.matrix.files import Matrix
from sphering.export.matrix.ordered import NAMESPACE
from sphering.identity import canonical_json

ODD_IDS = sorted(
    [
        "",
        " ",
        "\t",
        "a\nb\r",
        "'",
        '"; DROP TABLE tested; --',
        "\\",
        "\\N",
        "\\.",
        "\\u0000",
        "é",
        "e\u0301",
        "\U0001f600",
        "\x7f\x01",
        "\ufeff\u2028",
        "x" * 5000,
    ],
    key=str.encode,
)
ODD_METADATA: list[dict[str, Any]] = [
    {},
    {"a": None, "b": True, "c": False},
    {"number": 3, "float": 0.1, "large": 2**53, "small": 1e-300, "negative": -1.5e20},
    {"list": [1, [2, {"deep": []}], None], "object": {"": {"'": '"'}}},
    {"text": 'quote " back \\ slash \\u0000 tab \t line \n'},
    {"\u00e9": "\U0001f600", "e\u0301": "\u2028"},
    {"long": "y" * 100_000},
    *({"row": row} for row in range(9)),
]


def odd_matrix(matrix: Matrix, folder: Path, rows: Mapping[int, tuple[str, Any]] | None = None) -> Matrix:
    """Return a matrix of its first rows under odd ids with odd metadata; `rows` puts others in their place."""
    folder.mkdir()
    pairs = [(rows or {}).get(row, pair) for row, pair in enumerate(zip(ODD_IDS, ODD_METADATA, strict=True))]
    table = {
        "row_id": pa.array(range(len(pairs)), pa.int64()),
        "doc_id": [doc_id for doc_id, _ in pairs],
        "uuid": [str(uuid5(NAMESPACE, doc_id)) for doc_id, _ in pairs],
        "metadata": [canonical_json(value).decode() for _, value in pairs],
    }
    schema = pq.read_schema(matrix.directory / "ids.parquet")
    pq.write_table(pa.table(table, schema=schema), folder / "ids.parquet")
    np.save(folder / "vectors.npy", matrix.vectors()[: len(pairs)])
    np.save(folder / "held_out.npy", np.zeros(len(pairs), bool))
    (folder / "excluded.parquet").write_bytes((matrix.directory / "excluded.parquet").read_bytes())
    facts = dataclasses.replace(matrix.facts, n=len(pairs))
    (folder / "matrix.json").write_text(json.dumps(dataclasses.asdict(facts)))
    return Matrix(folder, facts)
