"""A FAISS index opened for the search, and the settings that are worth trying on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.export.formats.faiss.layers import layers, put_settings, read_settings
from sphering.export.formats.ladder import CANDIDATES, RESCORED, nested, partitions
from sphering.export.protocol import Settings


@dataclass(frozen=True)
class FaissSearcher:
    """An index with the transform in front, which takes raw queries."""

    index: Any

    @property
    def settings(self) -> Settings:
        """The settings that the index holds."""
        return read_settings(self.index)

    def put(self, settings: Settings) -> None:
        """Set ef_search, nprobe and k_factor."""
        put_settings(self.index, settings)

    def search(self, raw: NDArray[np.float32], unit: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the rows that FAISS finds for raw queries, (q, k)."""
        rows: NDArray[np.int64] = self.index.search(np.ascontiguousarray(raw, dtype=np.float32), k)[1]
        return rows


def ladder_of(searcher: FaissSearcher) -> Sequence[Settings]:
    """Return the settings to try on an index, from the fastest on; empty where it has none."""
    held = searcher.settings
    found: dict[str, Sequence[int]] = {}
    if "k_factor" in held:
        found["k_factor"] = RESCORED
    if "nprobe" in held:
        found["nprobe"] = partitions(_lists(searcher))
    elif "ef_search" in held:
        found["ef_search"] = CANDIDATES
    return nested(found)


def _lists(searcher: FaissSearcher) -> int:
    return max((int(layer.nlist) for layer in layers(searcher.index) if hasattr(layer, "nlist")), default=1)
