"""vectors.fbin and ids.parquet: little-endian uint32 n and d, then float32 rows (DiskANN, RAFT/cuVS, usearch)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sphering.errors import IntegrityError
from sphering.export.ids_file import paired, place
from sphering.export.matrix import IDS
from sphering.export.protocol import Block, ExportJob, VectorFormat

FBIN = "vectors.fbin"
HEADER_BYTES = 8
_COPY_BYTES = 4 * 2**20


class FbinFormat(VectorFormat):
    """A header of 8 bytes and rows; the size of the file must be 8 + 4 n d."""

    name = "fbin"
    libraries = ("numpy", "pyarrow")

    def write(self, job: ExportJob) -> None:
        """Write the header and copy the matrix' rows behind it."""
        matrix = job.matrix
        with matrix.path.open("rb") as source, (job.folder / FBIN).open("wb") as target:
            target.write(np.array([matrix.n, matrix.d], dtype="<u4").tobytes())
            source.seek(matrix.path.stat().st_size - matrix.n * matrix.d * 4)
            shutil.copyfileobj(source, target, _COPY_BYTES)
        place(matrix.directory / IDS, job.folder)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks of the file, its size checked first as its consumers do."""
        path = folder / FBIN
        yield from paired(path, *_shape(path))


def _shape(path: Path) -> tuple[int, int]:
    try:
        size = path.stat().st_size
        n, d = (int(number) for number in np.fromfile(path, dtype="<u4", count=2))
    except (OSError, ValueError) as error:
        raise IntegrityError(f"this file cannot be read: {error}", expected="an .fbin file", where=str(path)) from error
    if size != HEADER_BYTES + n * d * 4:
        raise IntegrityError(
            f"{size} bytes for {n} x {d} vectors", expected=f"{HEADER_BYTES + n * d * 4} bytes", where=str(path)
        )
    return n, d


FORMAT = FbinFormat()
