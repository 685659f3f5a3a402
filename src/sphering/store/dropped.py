"""The list of the rows that a snapshot leaves out of its shards: shard (its position in the manifest) and row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DROPPED = pa.schema([pa.field("shard", pa.int32()), pa.field("row", pa.int64())])


def dropped_table(shards: Any, rows: Any) -> pa.Table:
    """Return a list from the positions of shards and the rows in them, both (n,), by shard and row."""
    return pa.table({"shard": pa.array(shards, pa.int32()), "row": pa.array(rows, pa.int64())}, schema=DROPPED)


def write_dropped(target: Path | pa.NativeFile, dropped: pa.Table) -> None:
    """Write a list as Parquet, rows by their differences: about a byte for each, where every night has its own list."""
    pq.write_table(
        dropped, target, compression="zstd", use_dictionary=["shard"], column_encoding={"row": "DELTA_BINARY_PACKED"}
    )
