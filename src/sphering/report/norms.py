"""The norms of the raw vectors over every document, from the shards' `norm` column: a histogram and quantiles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.estimate import exact, undefined
from sphering.report.measured import Json, number
from sphering.store.snapshot import Snapshot

BINS = 61  # odd: norms that are all equal stand in the middle of a bin
_NARROWEST = 1e-3
_BLOCK = 65536
QUANTILES = {"norm_q05": 0.05, "norm_median": 0.5, "norm_q95": 0.95}


def measure_norms(snapshot: Snapshot, norms: tuple[float, float] | None) -> tuple[Json | None, dict[str, Json]]:
    """Return the histogram of norms (None where there is no usable vector), and their quantiles, exactly.

    Memory: 4 bytes a document.

    Parameters
    ----------
    norms : tuple of float or None
        Smallest and largest norm; bins reach at least 0.1 % of the norm around them, so that rounding alone does not
        look like spread.
    """
    values = np.empty(snapshot.manifest.documents, dtype=np.float32)
    filled = 0
    for batch in snapshot.batches(["norm"], rows=65536):
        found = np.asarray(batch.column(0), dtype=np.float32)
        found = found[(found > 0.0) & np.isfinite(found)]
        values[filled : filled + len(found)] = found
        filled += len(found)
    values = values[:filled]
    return (None if norms is None else _histogram(values, *norms)), quantile_metrics(values)


def quantile_metrics(values: NDArray[np.float32]) -> dict[str, Json]:
    """Return the quantiles: the smallest norm that at least this share of all norms does not exceed.

    The array is reordered.
    """
    n = len(values)
    if n == 0:
        return {name: number(undefined("no usable vector"), "documents") for name in QUANTILES}
    places = [math.ceil(share * n) - 1 for share in QUANTILES.values()]
    values.partition(sorted(set(places)))
    return {name: number(exact(values[place], n), "documents") for name, place in zip(QUANTILES, places, strict=True)}


def _histogram(values: NDArray[np.float32], low: float, high: float) -> Json:
    margin = max((high - low) * 0.02, high * _NARROWEST)
    edges = np.linspace(max(low - margin, 0.0), high + margin, BINS + 1)
    counts = np.zeros(BINS, dtype=np.int64)
    for start in range(0, len(values), _BLOCK):
        counts += np.histogram(values[start : start + _BLOCK].astype(np.float64), edges)[0]
    return {
        "edges": [float(edges[0]), float(edges[-1])],
        "counts": [int(count) for count in counts],
        "kind": "exact",
        "n": int(counts.sum()),
    }
