"""vectors.npy and ids.parquet: NumPy's own format, mapped without a copy."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from sphering.config.export import NpyConfig
from sphering.export.formats.flat_file import FlatFileFormat, Layout
from sphering.export.formats.ids import place, write_ids
from sphering.export.formats.npy_header import read_npy_header, write_npy_header
from sphering.export.matrix.files import VECTORS
from sphering.export.protocol import ExportJob


class NpyFormat(FlatFileFormat):
    """(n, d) in C order; `binary` is (n, ⌈d/8⌉) bytes of signs, the first dimension in the highest bit."""

    config = NpyConfig
    libraries = ("numpy", "pyarrow")

    def file_name(self, dtype: str) -> str:
        """Return one name for every type: the header says it."""
        return VECTORS

    def write(self, job: ExportJob) -> None:
        """Place the matrix itself where it is what is wanted, for it is a .npy file already; else write."""
        if job.rows.whole and self.is_exact(job.config) and getattr(job.config, "shard_rows", None) is None:
            place(job.matrix.path, job.folder)
            write_ids(job)
        else:
            super().write(job)

    def write_header(self, target: BinaryIO, layout: Layout) -> None:
        """Write a header of version 1.0."""
        write_npy_header(target, (layout.n, layout.width), np.dtype(layout.dtype))

    def read_header(self, path: Path) -> Layout:
        """Return shape, type and offset as NumPy reads them."""
        shape, dtype, offset = read_npy_header(path)
        return Layout(*shape, dtype, offset)


FORMAT = NpyFormat()
