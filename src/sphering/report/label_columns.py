"""The columns of [source] labels, and which line of a column's table a document belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.sqltext import load
from sphering.store.database import bounded_connection
from sphering.store.snapshot import Snapshot, path_list

MOST_LABELS = 20


@dataclass(frozen=True)
class LabelColumn:
    """A column's most frequent labels, by descending number of documents, and how many labels it has beside them.

    Each label has a line; behind them stand one line for all other labels and one for documents without a label.
    """

    name: str
    labels: tuple[str, ...]
    others: int

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return len(self.labels) + 2


@contextmanager
def text_connection(snapshot: Snapshot) -> Iterator[Any]:
    """Open a DuckDB connection, within the snapshot's bounds, that has the view `report_texts` of its documents."""
    with bounded_connection(snapshot.bounds) as connection:
        snapshot.register(connection)
        connection.execute(load("report_texts").replace("$paths", path_list(snapshot.paths)))
        yield connection


def label_columns(connection: Any, names: Sequence[str]) -> list[LabelColumn]:
    """Return the columns with their labels, which are counted exactly; the count spills beyond its memory.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Of `text_connection`.
    names : sequence of str
        The columns' names.
    """
    return [_column(connection, name) for name in names]


def _column(connection: Any, name: str) -> LabelColumn:
    found = connection.execute(load("report_labels"), {"pointer": pointer(name), "most": MOST_LABELS}).fetchall()
    labels = tuple(label for label, _ in found)
    return LabelColumn(name, labels, found[0][1] - len(labels) if found else 0)


def label_lines(connection: Any, column: LabelColumn, metadata: pa.Array) -> NDArray[np.uint8]:
    """Return the line of each document, (n,), from their metadata, (n,) canonical JSON.

    Each distinct object is read once: a label is often the only metadata.
    """
    objects = metadata.dictionary_encode()
    places = pa.array(np.arange(len(objects.dictionary)))
    connection.register("objects", pa.table({"place": places, "metadata": objects.dictionary}))
    given = {"pointer": pointer(column.name), "labels": list(column.labels)}
    lines = connection.sql(load("report_label_lines"), params=given).to_arrow_table()["line"].to_numpy()
    chosen: NDArray[np.uint8] = lines[objects.indices.to_numpy()]
    return chosen


def pointer(name: str) -> str:
    """Return a member's name as a JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
