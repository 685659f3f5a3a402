"""The weights of documents: what each counts for in a fit, from a column of their metadata."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from sphering.errors import InputError
from sphering.geometry.gram import Array
from sphering.geometry.moments import GREATEST_WEIGHT, LEAST_WEIGHT, Moments
from sphering.report.label_columns import pointer
from sphering.sqltext import load

COLUMNS = ("doc_id", "metadata")


def batch_weights(connection: Any, batch: pa.RecordBatch, column: str) -> Array:
    """Return the weight of each document of a batch, (n,) float64.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    batch : pyarrow.RecordBatch
        With the columns of `COLUMNS`.
    column : str
        The metadata column of the weights.

    Raises
    ------
    InputError
        If a document has no weight there, or something else than 0 or a number between 1e-100 and 1e100; it is named.
    """
    places = pa.array(np.arange(batch.num_rows))
    connection.register("documents", pa.table({"place": places, "metadata": batch.column("metadata")}))
    found = connection.sql(load("document_weights"), params={"pointer": pointer(column)}).to_arrow_table()
    weights: Array = found["weight"].to_numpy(zero_copy_only=False).astype(np.float64)
    sound = (weights == 0.0) | ((weights >= LEAST_WEIGHT) & (weights <= GREATEST_WEIGHT))
    if not sound.all():
        place = int(np.argmin(sound))
        raise _bad_weight(batch.column("doc_id")[place].as_py(), batch.column("metadata")[place].as_py(), column)
    return weights


def check_weighted(moments: Moments, column: str) -> None:
    """Refuse weights under which nothing is left to fit on, or one document alone.

    Raises
    ------
    InputError
        If every weight is 0, or one document has all the weight.
    """
    if moments.rows and not (moments.n > 1 and moments.one_has_all):
        return
    raise InputError(
        "one document has all the weight but a billionth" if moments.rows else "the weight of every document is 0",
        expected="weights under which several documents count",
        where=_where(column),
        remedy='correct the column, or set weights = "documents"',
    )


def _bad_weight(doc_id: str, metadata: str, column: str) -> InputError:
    value = json.loads(metadata).get(column)
    found = "no weight" if value is None else f"the weight {json.dumps(value, ensure_ascii=False)}"
    return InputError(
        f"the document {doc_id!r} has {found}",
        expected=f"0, which leaves it out, or a number between {LEAST_WEIGHT:g} and {GREATEST_WEIGHT:g}",
        where=_where(column),
        remedy='give every document a weight in this column, or set weights = "documents"',
    )


def _where(column: str) -> str:
    return f"[transform] weights = {column!r}"
