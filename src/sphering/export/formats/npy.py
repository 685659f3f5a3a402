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
from sphering.export.formats.vector_files import write_npy_header
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
        try:
            with path.open("rb") as source:
                npy_format.read_magic(source)
                shape, fortran, dtype = npy_format.read_array_header_1_0(source)
                offset = source.tell()
        except (OSError, ValueError) as error:
            raise IntegrityError(
                f"this file cannot be read: {error}", expected="a .npy file", where=str(path)
            ) from error
        if len(shape) != 2 or fortran:
            raise IntegrityError(f"an array of shape {shape}", expected="(n, d) in C order", where=str(path))
        size, expected = path.stat().st_size, offset + shape[0] * shape[1] * dtype.itemsize
        if size != expected:
            raise IntegrityError(f"{size} bytes for {shape} {dtype}", expected=f"{expected} bytes", where=str(path))
        return Layout(*shape, dtype, offset)


FORMAT = NpyFormat()
