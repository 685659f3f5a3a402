"""vectors.npy and ids.parquet: NumPy's own format, mapped without a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sphering.errors import IntegrityError
from sphering.export.ids_file import paired, place
from sphering.export.matrix import IDS, VECTORS
from sphering.export.protocol import Block, ExportJob, VectorFormat


class NpyFormat(VectorFormat):
    """float32 (n, d) in C order."""

    name = "npy"
    libraries = ("numpy", "pyarrow")

    def write(self, job: ExportJob) -> None:
        """Place the matrix itself, which is a .npy file already."""
        place(job.matrix.path, job.folder)
        place(job.matrix.directory / IDS, job.folder)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks of the file, its header checked first."""
        path = folder / VECTORS
        try:
            vectors = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected="a .npy file", where=str(path)
            ) from error
        if vectors.dtype != np.float32 or vectors.ndim != 2 or not vectors.flags.c_contiguous:
            raise IntegrityError(
                f"an array of {vectors.dtype} with shape {vectors.shape}",
                expected="float32 (n, d) in C order",
                where=str(path),
            )
        yield from paired(path, *vectors.shape)


FORMAT = NpyFormat()
