"""Queries and their exact neighbours beside vectors, in the files that ANN benchmarks read.

queries.fbin holds the queries under the transform; groundtruth.neighbors.ibin and groundtruth.distances.fbin have one
row a query, best first (RAFT/cuVS' layout): row numbers as int32 and inner products as float32, each behind n and k.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sphering.errors import InputError
from sphering.export.exact import nearest
from sphering.export.matrix.rows import Rows
from sphering.export.protocol import ExportJob

QUERIES = "queries.fbin"
NEIGHBOURS = "groundtruth.neighbors.ibin"
SCORES = "groundtruth.distances.fbin"


@dataclass(frozen=True)
class GroundTruth:
    """The exact neighbours of queries.

    queries is (q, d) float32 unit vectors; rows is (q, k) int64 and scores (q, k) float32 inner products, best first;
    equal scores stand in the order of rows.
    """

    queries: NDArray[np.float32]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


def ground_truth(rows: Rows, unit: NDArray[np.float32], k: int) -> GroundTruth:
    """Return the k rows with the largest inner product of each query, exactly; streamed, memory is one block.

    Parameters
    ----------
    rows : Rows
    unit : ndarray, shape (q, d), float32
        Queries as the rows are: transformed, cut, of unit length.
    k : int
        There are fewer where there are fewer rows.
    """
    return GroundTruth(unit, *nearest(rows.blocks(), unit, k))


def queries(job: ExportJob) -> NDArray[np.float32]:
    """Return the evaluation's queries as the rows are, (q, d) float32; without those the transform leaves nothing of.

    Raises
    ------
    InputError
        If there is none.
    """
    raw = job.queries if job.queries is not None else np.empty((0, job.transform.dimension_in), np.float32)
    unit = job.rows.cut(job.transform.apply(raw))
    unit = unit[unit.any(axis=1)]
    if not len(unit):
        raise InputError(
            "there are no queries to find the neighbours of",
            expected="queries that the documents do not hold",
            where=f"[[export]] {job.config.name}",
            remedy="give [evaluation] queries and qrels",
        )
    return unit


def of_evaluation(job: ExportJob, k: int) -> GroundTruth:
    """Return the ground truth of the evaluation's queries; see `queries` and `ground_truth`."""
    return ground_truth(job.rows, queries(job), k)


def write_ground_truth(job: ExportJob, k: int) -> None:
    """Write queries, neighbours and scores into the job's folder."""
    found = of_evaluation(job, k)
    _write(job.folder / QUERIES, found.queries, "<f4")
    _write(job.folder / NEIGHBOURS, found.rows, "<i4")
    _write(job.folder / SCORES, found.scores, "<f4")


def _write(path: Path, values: NDArray[np.generic], dtype: str) -> None:
    with path.open("wb") as target:
        target.write(np.array(values.shape, dtype="<u4").tobytes())
        values.astype(dtype).tofile(target)
