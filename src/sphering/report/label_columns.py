"""The columns of [source] labels, and which line of a column's table a document belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.geometry.grouped import NO_GROUP, Groups
from sphering.sqltext import load
from sphering.store.database import bounded_connection
from sphering.store.snapshot import Snapshot, path_list

MOST_LABELS = 20
MOST_GROUPS = 1_000
Numbers = NDArray[np.uint16]


@dataclass(frozen=True)
class LabelColumn:
    """A column's up to 1,000 most frequent labels, by descending number of documents, and how many labels it has.

    The first 20 labels have a line each in the column's table; behind them stand one line for all other labels and one
    for documents without a label. The geometry of labels is measured on all that are named here.
    """

    name: str
    groups: tuple[str, ...]
    different: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that have a line of their own."""
        return self.groups[:MOST_LABELS]

    @property
    def others(self) -> int:
        """How many labels have none."""
        return self.different - len(self.labels)

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return len(self.labels) + 2

    def lines_of(self, numbers: Numbers) -> NDArray[np.uint8]:
        """Return the line of each document, (n,), from the `label_numbers`."""
        count = len(self.labels)
        line = np.full(len(self.groups) + 2, count)
        line[:count], line[-1] = np.arange(count), count + 1
        return np.asarray(line[numbers].astype(np.uint8))

    def groups_of(self, numbers: Numbers) -> Groups:
        """Return the place of each document's label among the named ones, (n,), `NO_GROUP` for any other."""
        return np.where(numbers < len(self.groups), numbers.astype(np.int64), NO_GROUP)


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
    found = connection.execute(load("report_labels"), {"pointer": pointer(name), "most": MOST_GROUPS}).fetchall()
    return LabelColumn(name, tuple(label for label, _ in found), found[0][1] if found else 0)


def label_numbers(connection: Any, column: LabelColumn, metadata: pa.Array) -> Numbers:
    """Return the place of each document's label in `column.groups`, (n,), from their metadata, (n,) canonical JSON.

    Behind the last place stand that of any other label, and then that of no label. Each distinct object is read once: a
    label is often the only metadata.
    """
    objects = metadata.dictionary_encode()
    places = pa.array(np.arange(len(objects.dictionary)))
    connection.register("objects", pa.table({"place": places, "metadata": objects.dictionary}))
    given = {"pointer": pointer(column.name)}
    labels = connection.sql(load("report_object_labels"), params=given).to_arrow_table()["label"].combine_chunks()
    named = pa.array(column.groups, pa.string())
    found = pc.fill_null(pc.index_in(labels, value_set=named), len(named)).to_numpy()
    numbers = np.where(pc.is_null(labels).to_numpy(zero_copy_only=False), len(named) + 1, found)
    return np.asarray(numbers.astype(np.uint16)[objects.indices.to_numpy()])


def pointer(name: str) -> str:
    """Return a member's name as a JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
