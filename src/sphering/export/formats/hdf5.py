"""vectors.hdf5 and ids.parquet: a data set of ann-benchmarks, to measure any engine that it drives on one's own texts.

The file has what its loader reads (https://github.com/erikbern/ann-benchmarks, ann_benchmarks/datasets.py): the
attributes type = dense, distance = angular, point_type = float and dimension; `train` and `test`, (n, d) and (q, d)
float32; `neighbors`, (q, k) int32 rows of `train`, and `distances`, (q, k) float32 1 − cos, nearest first. k is 100, or
n where there are fewer vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sphering.config.export import Hdf5Config
from sphering.errors import IntegrityError
from sphering.export.formats.ground_truth import of_evaluation
from sphering.export.formats.ids import paired, write_ids
from sphering.export.formats.vector_files import VectorFormat
from sphering.export.matrix.files import BLOCK_ROWS
from sphering.export.protocol import Block, ExportJob
from sphering.extras import require

HDF5 = "vectors.hdf5"
NEIGHBOURS = 100
EXTRA = "hdf5"


class Hdf5Format(VectorFormat):
    """Vectors, the evaluation's queries under the transform, and the exact neighbours of each."""

    config = Hdf5Config
    libraries = ("h5py", "pyarrow")

    def check(self, config: Hdf5Config, dimension: int) -> None:
        """Refuse where h5py is missing."""
        require("h5py", EXTRA)

    def write(self, job: ExportJob) -> None:
        """Write the vectors block by block, and the ground truth."""
        truth = of_evaluation(job, NEIGHBOURS)
        with _opened(job.folder / HDF5, "w") as file:
            file.attrs.update({"type": "dense", "distance": "angular", "point_type": "float", "dimension": job.rows.d})
            train = file.create_dataset("train", shape=(job.rows.n, job.rows.d), dtype="<f4")
            start = 0
            for block in job.rows.blocks():
                train[start : start + len(block)] = block
                start += len(block)
            file.create_dataset("test", data=truth.queries, dtype="<f4")
            file.create_dataset("neighbors", data=truth.rows, dtype="<i4")
            file.create_dataset("distances", data=1.0 - truth.scores.astype(np.float64), dtype="<f4")
        write_ids(job)

    def vector_bytes(self, folder: Path) -> int:
        """Return the bytes of `train`, without the queries and their neighbours in the same file."""
        with _opened(folder / HDF5, "r") as file:
            return int(file["train"].id.get_storage_size())

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks of `train`."""
        path = folder / HDF5
        try:
            with _opened(path, "r") as file:
                train = file["train"]
                n = len(train)
                blocks = (np.asarray(train[start : start + BLOCK_ROWS]) for start in range(0, n, BLOCK_ROWS))
                yield from paired(blocks, n, folder, HDF5)
        except (OSError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected="an HDF5 file with `train`", where=str(path)
            ) from error


def _opened(path: Path, mode: str) -> Any:
    return require("h5py", EXTRA).File(path, mode)


FORMAT = Hdf5Format()
