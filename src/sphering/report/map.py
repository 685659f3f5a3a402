"""The map of a sample: texts on the two principal directions of the corpus, with their labels.

It names documents and labels and holds no text: a report outlives `keep_text = false`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array
from sphering.report.label_columns import pointer
from sphering.report.measured import Json
from sphering.report.spaces import Space
from sphering.report.wording import clipped
from sphering.sqltext import load
from sphering.store.database import bounded_connection
from sphering.store.snapshot import Sample, Snapshot

MOST_POINTS = 500
"""A report is kept for every night: 500 points with short ids and one column of labels take about 23 kB of it."""
MOST_ID_BYTES = 10_000
"""Of all ids together; where they are long, there are fewer points."""
MOST_NAMED = 40
OTHER, NONE = -1, None


def sample_map(
    snapshot: Snapshot,
    sample: Sample,
    images: NDArray[np.float32],
    spaces: Mapping[str, Space],
    labels: Sequence[str] = (),
) -> Json:
    """Return the first texts of a sample on the first two principal directions of each space.

    The directions are those of every document, not of the sample, with the signs of `geometry.spectrum.eigen`: the map
    of an unchanged corpus is the same every night. Coordinates are distances from the mean vector along them.

    Parameters
    ----------
    sample : Sample
        Distinct texts by ascending hash, all vectors finite.
    images : ndarray, shape (n, k)
        The sample's vectors under the transform.
    spaces : mapping
        `raw` and `transformed`, as measured over every document.
    labels : sequence of str
        Names of the columns of labels.

    Returns
    -------
    dict
        `texts`, how many are drawn; for each space `x`, `y` and `explained`, the two directions' shares of the variance
        (None where there is no direction); `doc_ids`; and for each column of `labels` its `names`, most frequent first,
        and `of`, for each text an index into them, -1 for a label that is not among them and None for no label.
    """
    count = _most_points(sample.doc_ids)
    rows = {"raw": sample.vectors[:count], "transformed": images[:count]}
    return {
        "texts": count,
        **{name: _projected(rows[name], spaces[name]) for name in rows},
        "doc_ids": sample.doc_ids[:count],
        "labels": _labels(snapshot, sample, count, labels),
    }


def _most_points(doc_ids: Sequence[str]) -> int:
    sizes = np.cumsum([len(doc_id.encode()) for doc_id in doc_ids[:MOST_POINTS]])
    return int(np.searchsorted(sizes, MOST_ID_BYTES, side="right"))


def _projected(vectors: NDArray[np.float32], space: Space) -> Json | None:
    spectrum = space.spectrum
    if spectrum is None or spectrum.rank == 0 or not len(vectors):
        return None
    directions = min(2, spectrum.rank)
    with one_blas_thread():
        found = (vectors.astype(np.float64) - space.moments.mean) @ spectrum.vectors[:, :directions]
    points = np.zeros((len(vectors), 2))
    points[:, :directions] = found
    explained = np.zeros(2)
    explained[:directions] = spectrum.shares[:directions]
    return {
        "x": _rounded(points, 0),
        "y": _rounded(points, 1),
        "explained": [round(float(share), 4) for share in explained],
    }


def _rounded(points: Array, axis: int) -> list[float]:
    """Return one coordinate of the points, to four digits of the largest of both: a thousandth of the map's width."""
    largest = float(np.abs(points).max())
    decimals = 3 - int(np.floor(np.log10(largest))) if largest > 0.0 else 0
    return [round(value, decimals) + 0.0 for value in points[:, axis].tolist()]


def _labels(snapshot: Snapshot, sample: Sample, count: int, names: Sequence[str]) -> dict[str, Json]:
    if not names:
        return {}
    metadata = snapshot.metadata_at(sample.shards[:count], sample.rows[:count])
    with bounded_connection(snapshot.bounds) as connection:
        connection.register("objects", pa.table({"place": np.arange(count), "metadata": metadata}))
        return {name: _column(connection, name) for name in names}


def _column(connection: Any, name: str) -> Json:
    found = connection.execute(load("report_map_labels"), {"pointer": pointer(name)}).fetchall()
    labels = [label for (label,) in found]
    counts = Counter(label for label in labels if label is not None)
    named = sorted(counts, key=lambda label: (-counts[label], label))[:MOST_NAMED]
    places: dict[str | None, int | None] = {label: place for place, label in enumerate(named)} | {None: NONE}
    return {"names": [clipped(label) for label in named], "of": [places.get(label, OTHER) for label in labels]}
