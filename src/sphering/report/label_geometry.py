"""How far the labels of a column lie apart: cosines within and between them, and whether vectors tell their label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.geometry.classification import centroid_accuracy, nearest_first, neighbour_accuracy
from sphering.geometry.directions import unit_rows
from sphering.geometry.estimate import Estimate
from sphering.geometry.gram import Array
from sphering.geometry.grouped import (
    NO_GROUP,
    GroupedSums,
    Groups,
    cosine_between,
    cosine_gap,
    cosine_within,
)
from sphering.geometry.label_collapse import cdnv, nc1
from sphering.geometry.moments import Moments
from sphering.geometry.neighbours import Rows, neighbours
from sphering.report.counted import Counted
from sphering.report.label_columns import LabelColumn, pointer, text_connection
from sphering.report.measured import Json, as_sample, number, share_interval
from sphering.sqltext import load
from sphering.store.snapshot import Snapshot

NEIGHBOURS = (1, 5)


@dataclass(frozen=True)
class SampledTexts:
    """Distinct texts of a sample without equal vectors, in one space or both.

    Parameters
    ----------
    hashes : ndarray, shape (n, 32), uint8
    vectors : mapping of str to ndarray, shape (n, d)
        By the space.
    neighbours : mapping of str to ndarray, shape (n, k), or None
        The k-NN by cosine in each space, where it was made.
    whole : bool
        Whether no text of the corpus was left out for want of room.
    seed : int
    """

    hashes: NDArray[np.uint8]
    vectors: Mapping[str, NDArray[np.float32]]
    neighbours: Mapping[str, Rows | None]
    whole: bool
    seed: int


@dataclass(frozen=True)
class _Labelled:
    """Which texts of a sample have a label, which of the named ones (`NO_GROUP`: another), and how many documents."""

    rows: NDArray[np.int64]
    codes: Groups
    groups: Groups
    copies: NDArray[np.int64]


def label_geometry(
    snapshot: Snapshot, counted: Counted, sample: SampledTexts, moments: Mapping[str, Moments], *, extended: bool
) -> dict[str, Json]:
    """Return, by the name of each column of labels, its metrics in each space.

    Parameters
    ----------
    snapshot : Snapshot
    counted : Counted
        With the sums of each label in the spaces of `moments`.
    sample : SampledTexts
    moments : mapping of str to Moments
        Over every document, by the space.
    extended : bool
        Whether NC1 and CDNV are measured too.
    """
    if not counted.columns:
        return {}
    labelled = _labels(snapshot, counted.columns, sample.hashes)
    return {
        column.name: {
            space: {
                **_of_sums(counted.sums.of[space][column.name], of_space if extended else None),
                **_of_sample(sample, space, labelled[column.name], counted.sums.of[space][column.name]),
            }
            for space, of_space in moments.items()
        }
        for column in counted.columns
    }


def _of_sums(sums: GroupedSums, moments: Moments | None) -> dict[str, Json]:
    found = {
        "cosine_within": cosine_within(sums),
        "cosine_between": cosine_between(sums),
        "cosine_gap": cosine_gap(sums),
    }
    if moments is not None:
        found |= {"nc1": nc1(sums, moments.unit_gram, moments.ulp), "cdnv": cdnv(sums)}
    return {name: number(estimate, "documents") for name, estimate in found.items()}


def _of_sample(sample: SampledTexts, space: str, labelled: _Labelled, sums: GroupedSums) -> dict[str, Json]:
    vectors = sample.vectors[space][labelled.rows]
    units, usable = unit_rows(vectors)
    known = _Labelled(*(part[usable] for part in (labelled.rows, labelled.codes, labelled.groups, labelled.copies)))
    ranked = _ranked(units, sample.neighbours[space] if len(known.rows) == len(sample.hashes) else None)
    codes = np.unique(known.codes, return_inverse=True)[1]
    found = {f"knn_accuracy_{k}": neighbour_accuracy(ranked, codes, k) for k in NEIGHBOURS}
    found["centroid_accuracy"] = centroid_accuracy(units, known.groups, known.copies, sums)
    return {name: number(_as_accuracy(each, sample), "texts") for name, each in found.items()}


def _ranked(units: Array, rows: Rows | None) -> Rows:
    """Return the neighbours of each vector, nearest first; where not all texts have a label, among those that have."""
    if rows is None:
        k = min(max(NEIGHBOURS), len(units) - 1)
        if k < 1:
            return np.empty((len(units), 0), np.int64)
        rows = neighbours(units, k, ["cosine"])["cosine"]
    return nearest_first(units, rows)


def _as_accuracy(estimate: Estimate, sample: SampledTexts) -> Estimate:
    """Return a share of texts with Wilson's interval, also where every text is looked at: others may come."""
    if estimate.value is None:
        return estimate
    interval = share_interval(estimate.value, estimate.n)
    return as_sample(replace(estimate, interval=interval), whole=sample.whole, seed=sample.seed, interval=interval)


def _labels(snapshot: Snapshot, columns: Sequence[LabelColumn], hashes: NDArray[np.uint8]) -> dict[str, _Labelled]:
    places = pa.array(np.arange(len(hashes)))
    chosen = pa.table({"place": places, "text_hash": pa.array([row.tobytes() for row in hashes], pa.binary())})
    with text_connection(snapshot) as connection:
        connection.register("chosen", chosen)
        return {column.name: _of_column(connection, column) for column in columns}


def _of_column(connection: Any, column: LabelColumn) -> _Labelled:
    given = {"pointer": pointer(column.name)}
    found = connection.sql(load("report_text_labels"), params=given).to_arrow_table()
    names = found["label"].to_pylist()
    place = {label: number for number, label in enumerate(column.groups)}
    codes = np.unique(np.array(names, dtype=object), return_inverse=True)[1] if names else np.empty(0, np.int64)
    groups = np.array([place.get(name, NO_GROUP) for name in names], dtype=np.int64)
    return _Labelled(found["place"].to_numpy(), codes.astype(np.int64), groups, found["copies"].to_numpy())
