"""The norms of the raw vectors as a histogram over every document, from the shards' `norm` column."""

from __future__ import annotations

import numpy as np

from sphering.report.measured import Json
from sphering.store.snapshot import Snapshot

BINS = 61  # odd: norms that are all equal stand in the middle of a bin
_NARROWEST = 1e-3


def norm_histogram(snapshot: Snapshot, norms: tuple[float, float] | None) -> Json | None:
    """Return the counts of norms in equal bins; None where there is no usable vector.

    Parameters
    ----------
    norms : tuple of float or None
        Smallest and largest norm; bins reach at least 0.1 % of the norm around them, so that rounding alone does not
        look like spread.
    """
    if norms is None:
        return None
    low, high = norms
    margin = max((high - low) * 0.02, high * _NARROWEST)
    edges = np.linspace(max(low - margin, 0.0), high + margin, BINS + 1)
    counts = np.zeros(BINS, dtype=np.int64)
    for batch in snapshot.batches(["norm"], rows=65536):
        values = np.asarray(batch.column(0), dtype=np.float64)
        counts += np.histogram(values[values > 0.0], edges)[0]
    return {
        "edges": [float(edges[0]), float(edges[-1])],
        "counts": [int(count) for count in counts],
        "kind": "exact",
        "n": int(counts.sum()),
    }
