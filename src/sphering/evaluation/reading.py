"""Queries and judgements from the files that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from sphering.config.model import EvaluationConfig
from sphering.errors import InputError
from sphering.identity import digest

_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
    ".csv": pl.read_csv,
}
_SECTION = "[evaluation]"


@dataclass(frozen=True)
class EvaluationData:
    """What was read.

    Parameters
    ----------
    queries : polars.DataFrame
        query_id and text, both strings, by ascending query_id.
    judgements : polars.DataFrame
        query_id, doc_id and relevance (int, 0 is not relevant), sorted.
    """

    queries: pl.DataFrame
    judgements: pl.DataFrame

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of the content, whatever the files' formats."""
        return digest({"queries": self.queries.rows(), "judgements": self.judgements.rows()})


def read_evaluation(config: EvaluationConfig) -> EvaluationData:
    """Return the queries that have judgements, and the judgements.

    Raises
    ------
    InputError
        If a file or column is missing, a query id occurs twice, a text is null, a judgement has no query or a relevance
        that is no whole number, or nothing is left.
    """
    queries = _queries(config)
    judgements = _judgements(config)
    strangers = judgements.join(queries, on="query_id", how="anti")
    if len(strangers):
        raise InputError(
            f"{len(strangers)} judgements are on queries that are not there, such as {strangers['query_id'][0]!r}",
            expected=f"an id of {config.queries}",
            where=config.qrels,
        )
    judged = queries.join(judgements, on="query_id", how="semi").sort("query_id")
    if judged.is_empty():
        raise InputError("no query has a judgement", where=config.qrels, remedy=f"remove {_SECTION}, or mend the files")
    return EvaluationData(judged, judgements.sort("query_id", "doc_id"))


def _queries(config: EvaluationConfig) -> pl.DataFrame:
    frame = _select(config.queries, {config.id: "query_id", config.text: "text"})
    frame = frame.with_columns(pl.col("query_id").cast(pl.String), pl.col("text").cast(pl.String))
    _no_nulls(frame, config.queries)
    twice = frame["query_id"].filter(frame["query_id"].is_duplicated())
    if len(twice):
        raise InputError(f"the query id {twice[0]!r} occurs more than once", where=config.queries)
    return frame


def _judgements(config: EvaluationConfig) -> pl.DataFrame:
    frame = _select(config.qrels, {"query_id": "query_id", "doc_id": "doc_id", "relevant": "relevance"})
    _no_nulls(frame, config.qrels)
    frame = frame.with_columns(pl.col("query_id").cast(pl.String), pl.col("doc_id").cast(pl.String))
    try:
        whole = frame["relevance"].cast(pl.Float64)
        numbers = whole.cast(pl.Int64)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the column 'relevant' holds {frame['relevance'].dtype}", expected="whole numbers", where=config.qrels
        ) from error
    if not (whole == numbers).all() or (numbers < 0).any():
        raise InputError("the column 'relevant' holds other than 0, 1, 2, …", where=config.qrels)
    return frame.with_columns(numbers.alias("relevance")).unique(["query_id", "doc_id"], keep="first")


def _select(name: str, columns: dict[str, str]) -> pl.DataFrame:
    """Return the named columns of a file under new names."""
    path = Path(name)
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise InputError(
            f"{path.name!r} has no format that is read here",
            expected=", ".join(_READERS),
            where=f"{name} of {_SECTION}",
        )
    if not path.is_file():
        raise InputError(
            f"there is no file {name}", where=_SECTION, remedy="give the path relative to the configuration"
        )
    try:
        frame = reader(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"this file cannot be read: {error}", expected=f"{path.suffix} data", where=name) from error
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(
            f"there is no column {', '.join(map(repr, missing))}",
            expected=f"one of {', '.join(frame.columns)}",
            where=name,
            remedy=f"set `id` and `text` under {_SECTION}; judgements have query_id, doc_id and relevant",
        )
    return frame.select(pl.col(column).alias(new) for column, new in columns.items())


def _no_nulls(frame: pl.DataFrame, name: str) -> None:
    for column in frame.columns:
        if frame[column].null_count():
            row = int(frame[column].is_null().arg_max() or 0) + 1
            raise InputError(f"the column for {column} has a null", expected="a value", where=f"{name}, row {row}")
