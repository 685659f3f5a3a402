"""vectors.fbin and ids.parquet: little-endian uint32 n and d, then rows (DiskANN, RAFT/cuVS, usearch, big-ann)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sphering.config.export import FbinConfig
from sphering.errors import IntegrityError
from sphering.export.codes import FLOAT16, FLOAT32, INT8
from sphering.export.formats.flat_file import FlatFileFormat, Layout
from sphering.export.formats.ground_truth import NEIGHBOURS, QUERIES, SCORES, write_ground_truth
from sphering.export.protocol import ExportJob

HEADER_BYTES = 8
_SUFFIXES = {FLOAT32: ".fbin", FLOAT16: ".f16bin", INT8: ".i8bin"}
_TYPES = {".fbin": "<f4", ".f16bin": "<f2", ".i8bin": "i1"}


class FbinFormat(FlatFileFormat):
    """A header of 8 bytes and rows; the size of a file must be 8 + n d times the bytes of a number."""

    config = FbinConfig
    libraries = ("numpy", "pyarrow")
    without_vectors = (QUERIES, NEIGHBOURS, SCORES)

    def file_name(self, dtype: str) -> str:
        """Return vectors with the suffix that says the type."""
        return f"vectors{_SUFFIXES[dtype]}"

    def write(self, job: ExportJob) -> None:
        """Write the vectors, and queries with their exact neighbours where they are wanted."""
        super().write(job)
        wanted: Any = job.config
        if wanted.ground_truth is not None:
            write_ground_truth(job, wanted.ground_truth)

    def write_header(self, target: BinaryIO, layout: Layout) -> None:
        """Write n and d."""
        target.write(np.array([layout.n, layout.width], dtype="<u4").tobytes())

    def read_header(self, path: Path) -> Layout:
        """Return what the header says, its size checked as its consumers do."""
        dtype = np.dtype(_TYPES[path.suffix])
        try:
            size = path.stat().st_size
            n, d = (int(number) for number in np.fromfile(path, dtype="<u4", count=2))
        except (OSError, ValueError) as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected=f"an {path.suffix} file", where=str(path)
            ) from error
        expected = HEADER_BYTES + n * d * dtype.itemsize
        if size != expected:
            raise IntegrityError(f"{size} bytes for {n} x {d} vectors", expected=f"{expected} bytes", where=str(path))
        return Layout(n, d, dtype, HEADER_BYTES)


FORMAT = FbinFormat()
