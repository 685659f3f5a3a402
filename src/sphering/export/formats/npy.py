"""vectors.npy and ids.parquet: NumPy's own format, mapped without a copy."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from sphering.config.export import NpyConfig
from sphering.errors import IntegrityError
from sphering.export.formats.flat_file import FlatFileFormat, Layout
from sphering.export.formats.ids import place, write_ids
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
        header = {
            "descr": npy_format.dtype_to_descr(np.dtype(layout.dtype)),
            "fortran_order": False,
            "shape": (layout.n, layout.width),
        }
        npy_format.write_array_header_1_0(target, header)

    def read_header(self, path: Path) -> Layout:
        """Return shape, type and offset as NumPy reads them."""
        try:
            vectors = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected="a .npy file", where=str(path)
            ) from error
        if vectors.ndim != 2 or not vectors.flags.c_contiguous:
            raise IntegrityError(f"an array of shape {vectors.shape}", expected="(n, d) in C order", where=str(path))
        n, width = vectors.shape
        return Layout(n, width, vectors.dtype, path.stat().st_size - vectors.nbytes)


FORMAT = NpyFormat()
