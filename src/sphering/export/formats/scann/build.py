"""A ScaNN searcher over unit vectors: how many partitions it has, and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from sphering.config.export import ScannConfig
from sphering.cores import available_cores
from sphering.errors import IntegrityError
from sphering.export.matrix.rows import Rows
from sphering.export.protocol import ExportJob, Settings
from sphering.extras import require
from sphering.store.files import reserve

# Below 20,000 vectors ScaNN's authors compare all; above they advise sqrt(n) partitions, two dimensions a block and an
# anisotropic threshold of 0.2 (https://github.com/google-research/google-research/blob/master/scann/docs/algorithms.md).
BRUTE_FORCE = 20_000
_DIMENSIONS_PER_BLOCK = 2
_THRESHOLD = 0.2
_NEIGHBOURS = 10
_SOURCE = ".source.npy"
# A codebook of 16 centroids is trained; a probe may hold half of the texts.
LEAST_ROWS = 64
ROWS_PER_LEAF = 4


def open_library() -> Any:
    """Return ScaNN without TensorFlow."""
    return require("scann.scann_ops.py.scann_ops_pybind", "scann")


def leaves_of(config: ScannConfig, n: int) -> int:
    """Return how many partitions a searcher of n vectors has; 0: every vector is compared."""
    if config.leaves is not None:
        return config.leaves
    return 0 if n < BRUTE_FORCE else round(math.sqrt(n))


def settings_of(config: ScannConfig, leaves: int) -> Settings:
    """Return the search settings of a searcher with so many partitions; none where there are no partitions."""
    if not leaves:
        return {}
    wanted = config.leaves_to_search or math.ceil(leaves / 4)
    return {"leaves_to_search": min(wanted, leaves), "reorder": config.reorder}


def build(job: ExportJob) -> Any:
    """Return a trained searcher, which holds a copy of the vectors.

    The number of partitions follows from the whole corpus, so that a probe has as many as what ships.

    Raises
    ------
    IntegrityError
        If a vector is not finite: ScaNN's training would end the process.
    """
    config: Any = job.config
    leaves = leaves_of(config, job.matrix.n)
    with _vectors(job.rows, job.folder / _SOURCE) as vectors:
        builder = open_library().builder(vectors, _NEIGHBOURS, "dot_product")
        builder.set_n_training_threads(available_cores())
        if not leaves:
            return builder.score_brute_force().build()
        settings = settings_of(config, leaves)
        return (
            builder.tree(leaves, settings["leaves_to_search"])
            .score_ah(_DIMENSIONS_PER_BLOCK, anisotropic_quantization_threshold=_THRESHOLD)
            .reorder(settings["reorder"])
            .build()
        )


@contextmanager
def _vectors(rows: Rows, path: Path) -> Iterator[NDArray[np.float32]]:
    """Give the rows as a memory map: of the matrix, or, of some or cut rows, of a file that is removed afterwards."""
    if rows.whole:
        for block in rows.blocks():
            _check_finite(block)
        yield rows.matrix.vectors()
        return
    target, start = open_memmap(path, mode="w+", dtype=np.float32, shape=(rows.n, rows.d)), 0
    try:
        reserve(path)
        for block in rows.blocks():
            _check_finite(block)
            target[start : start + len(block)] = block
            start += len(block)
        yield target
    finally:
        path.unlink()


def _check_finite(block: NDArray[np.float32]) -> None:
    if not np.isfinite(block).all():
        raise IntegrityError("a vector is not finite", expected="unit vectors", where="the rows of this [[export]]")
