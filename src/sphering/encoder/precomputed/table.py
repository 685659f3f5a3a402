"""Vectors in Parquet files, in a column beside their texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.config.encoder import PrecomputedConfig
from sphering.encoder.precomputed.texts import as_texts
from sphering.errors import ModelError

BATCH_BYTES = 4 << 20
_FEWEST = 64


def first_dimension(path: Path, config: PrecomputedConfig) -> int | None:
    """Return how long the vectors of a file are: by its schema, or by its first vector; None where it has none.

    Raises
    ------
    ModelError
        If it is no Parquet file with such columns.
    """
    with _opened(path, config) as table:
        kind = table.schema_arrow.field(config.column).type
        if pa.types.is_fixed_size_list(kind):
            return int(kind.list_size)
        for batch in table.iter_batches(_FEWEST, columns=[config.column], use_threads=False):
            lengths = pc.list_value_length(batch.column(0)).drop_null()
            if len(lengths):
                return int(lengths[0].as_py())
    return None


def read_table(path: Path, config: PrecomputedConfig, dimension: int) -> Iterator[tuple[pa.Array, NDArray[np.float32]]]:
    """Yield texts, (n,) string, with their vectors, (n, d) float32; a row without a vector has no text either.

    Raises
    ------
    ModelError
        If the file cannot be read, or a vector has another dimension.
    """
    row = 0
    with _opened(path, config) as table:
        try:
            for batch in table.iter_batches(
                _batch_rows(table), columns=[config.text, config.column], use_threads=False
            ):
                vectors = batch.column(config.column)
                texts = as_texts(batch.column(config.text), config.text, path)
                yield pc.if_else(vectors.is_valid(), texts, None), _matrix(vectors, dimension, path, row)
                row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error


def _opened(path: Path, config: PrecomputedConfig) -> pq.ParquetFile:
    try:
        table = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    for key, column in (("text", config.text), ("column", config.column)):
        if column not in table.schema_arrow.names:
            raise ModelError(
                f"there is no column {column!r}",
                expected=f"one of {', '.join(table.schema_arrow.names)}",
                where=str(path),
                remedy=f"set `{key}` under [encoder]",
            )
    kind = table.schema_arrow.field(config.column).type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not (is_list and pa.types.is_floating(kind.value_type)):
        raise ModelError(
            f"the column {config.column!r} holds {kind}",
            expected="lists of float16, float32 or float64, or lists of a fixed size",
            where=str(path),
            remedy="name the column with the vectors: `column` under [encoder]",
        )
    return table


def _batch_rows(table: pq.ParquetFile) -> int:
    """Return how many rows of the heaviest row group weigh about one batch."""
    groups = [table.metadata.row_group(index) for index in range(table.metadata.num_row_groups)]
    weights = [group.total_byte_size / group.num_rows for group in groups if group.num_rows]
    return max(_FEWEST, int(BATCH_BYTES / max(weights, default=1.0)))


def _matrix(column: Any, dimension: int, path: Path, before: int) -> NDArray[np.float32]:
    """Return lists as (n, d) float32: missing lists and missing numbers are NaN."""
    lengths = pc.fill_null(pc.list_value_length(column), dimension).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != dimension)
    if len(wrong):
        raise ModelError(
            f"a vector has {lengths[wrong[0]]} dimensions, others have {dimension}",
            expected="vectors of one model",
            where=f"{path}, row {before + int(wrong[0]) + 1}",
            remedy="make the vectors again, with one model",
        )
    with np.errstate(over="ignore"):  # too large for float32 is infinite, which is quarantined
        flat = column.drop_null().flatten().to_numpy(zero_copy_only=False)
        values: NDArray[np.float32] = flat.astype(np.float32)
    if not column.null_count:
        return values.reshape(-1, dimension)
    vectors = np.full((len(column), dimension), np.nan, np.float32)
    vectors[column.is_valid().to_numpy(zero_copy_only=False)] = values.reshape(-1, dimension)
    return vectors


def _unreadable(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"the vectors cannot be read: {error}",
        expected="a whole Parquet file",
        where=str(path),
        remedy="make it again, or fetch it again",
    )
