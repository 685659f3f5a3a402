"""The texts of a matrix, from a Parquet, JSONL or CSV file, block by block and row by row as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from sphering.errors import ModelError
from sphering.source.unsound import invalid_utf8

ROWS = 8192


def text_blocks(path: Path, column: str) -> Iterator[pa.Array]:
    """Yield the column, (n,) string each, nulls where a row has no text.

    Raises
    ------
    ModelError
        If the file cannot be read, or has no such column of texts.
    """
    open_column = _OPENERS.get(path.suffix.lower())
    if open_column is None:
        raise ModelError(
            f"{path.name!r} has no format that is read here",
            expected=", ".join(_OPENERS),
            where=f"[encoder] texts = {str(path)!r}",
        )
    try:
        for block in open_column(path, column):
            yield as_texts(block, column, path)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ModelError(
            f"the texts cannot be read: {error}",
            expected=f"a file with a column {column!r}",
            where=str(path),
            remedy="set `text` under [encoder], or mend the file",
        ) from error


def as_texts(column: pa.Array, name: str, path: Path) -> pa.Array:
    """Return a column as strings; what is no UTF-8 becomes null, since no document can have it.

    Raises
    ------
    ModelError
        If it holds something else than text.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise ModelError(
            f"the column {name!r} holds {column.type}",
            expected="text",
            where=str(path),
            remedy="name the column with the texts: `text` under [encoder]",
        )
    texts = column.cast(pa.string())
    invalid = invalid_utf8(texts.cast(pa.binary()))
    return pc.if_else(pa.array(invalid), pa.scalar(None, pa.string()), texts) if invalid.any() else texts


def _parquet(path: Path, column: str) -> Iterator[pa.Array]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as table:
        if column not in table.schema_arrow.names:
            raise KeyError(f"there is no column {column!r}")
        for batch in table.iter_batches(ROWS, columns=[column], use_threads=False):
            yield batch.column(0)


def _jsonl(path: Path, column: str) -> Iterator[pa.Array]:
    from pyarrow import json

    options = json.ParseOptions(explicit_schema=pa.schema([(column, pa.string())]), unexpected_field_behavior="ignore")
    with json.open_json(path, parse_options=options) as reader:
        for batch in reader:
            yield batch.column(0)


def _csv(path: Path, column: str) -> Iterator[pa.Array]:
    from pyarrow import csv

    convert = csv.ConvertOptions(include_columns=[column], column_types={column: pa.string()})
    parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    with csv.open_csv(path, parse_options=parse, convert_options=convert) as reader:
        for batch in reader:
            yield batch.column(0)


_OPENERS: dict[str, Callable[[Path, str], Iterator[pa.Array]]] = {
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
}
