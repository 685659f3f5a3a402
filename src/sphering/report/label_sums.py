"""The unit vectors of each label summed, raw and transformed, while every vector is read for other counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.directions import unit_rows
from sphering.geometry.grouped import GroupedSums
from sphering.report.label_columns import LabelColumn, Numbers
from sphering.transform.affine import Transform


@dataclass(frozen=True)
class Spaces:
    """In which spaces vectors are summed by their labels.

    Parameters
    ----------
    transform : Transform, optional
        Of the transformed space, where there is one.
    extended : bool
        Whether the metrics of `[report] extended` are wanted of them.
    """

    transform: Transform | None = None
    extended: bool = False


RAW = Spaces()


class LabelSums:
    """Sums by label in each space, of every column.

    Parameters
    ----------
    columns : sequence of LabelColumn
    dimension : int
        Of the raw vectors.
    spaces : Spaces
    """

    def __init__(self, columns: Sequence[LabelColumn], dimension: int, spaces: Spaces) -> None:
        self._columns, self._transform = columns, spaces.transform
        dimensions = {"raw": dimension}
        if spaces.transform is not None:
            dimensions["transformed"] = spaces.transform.dimension_out
        self.of = {
            space: {each.name: GroupedSums.empty(len(each.groups), d, outside=spaces.extended) for each in columns}
            for space, d in dimensions.items()
        }

    def update(self, vectors: NDArray[np.float32], labels: Mapping[str, Numbers]) -> None:
        """Count documents in, by the `label_numbers` of each column."""
        if not self._columns:
            return
        self._add("raw", vectors, labels)
        if self._transform is None:
            return
        finite = np.isfinite(vectors).all(axis=1)
        if finite.all():
            self._add("transformed", self._transform.apply(vectors), labels)
            return
        left = {name: numbers[finite] for name, numbers in labels.items()}
        self._add("transformed", self._transform.apply(vectors[finite]), left)

    def _add(self, space: str, vectors: NDArray[np.float32], labels: Mapping[str, Numbers]) -> None:
        units, usable = unit_rows(vectors)
        for column in self._columns:
            self.of[space][column.name].update(units, column.groups_of(labels[column.name][usable]))
