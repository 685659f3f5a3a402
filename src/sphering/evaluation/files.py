"""Columns of the files that [evaluation] names, whatever their format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from sphering.errors import InputError

SECTION = "[evaluation]"
_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
    ".csv": pl.read_csv,
}


def read_columns(name: str, columns: Mapping[str, str], remedy: str) -> pl.DataFrame:
    """Return the named columns of a file under new names, without a null.

    Parameters
    ----------
    name : str
        The file's path.
    columns : mapping
        The new name of each column of the file.
    remedy : str
        What to do where a column is missing.

    Raises
    ------
    InputError
        If the file or a column is missing, cannot be read or holds a null.
    """
    path = Path(name)
    frame = _read(path)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(
            f"there is no column {', '.join(map(repr, missing))}",
            expected=f"one of {', '.join(frame.columns)}",
            where=name,
            remedy=remedy,
        )
    chosen = frame.select(pl.col(column).alias(new) for column, new in columns.items())
    for column in chosen.columns:
        if chosen[column].null_count():
            row = int(chosen[column].is_null().arg_max() or 0) + 1
            raise InputError(f"the column for {column} has a null", expected="a value", where=f"{name}, row {row}")
    return chosen


def _read(path: Path) -> pl.DataFrame:
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise InputError(
            f"{path.name!r} has no format that is read here",
            expected=", ".join(_READERS),
            where=f"{path} of {SECTION}",
        )
    if not path.is_file():
        raise InputError(
            f"there is no file {path}", where=SECTION, remedy="give the path relative to the configuration"
        )
    try:
        return reader(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"this file cannot be read: {error}", expected=f"{path.suffix} data", where=str(path)
        ) from error
