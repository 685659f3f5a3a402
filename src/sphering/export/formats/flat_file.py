"""Files of a header and rows of numbers, one after the other: what .npy and .fbin have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.codes import Code, Stored
from sphering.export.formats.ids import paired, write_ids
from sphering.export.formats.vector_files import (
    RowScales,
    VectorFormat,
    found_shards,
    read_code,
    read_scales,
    scaled_by_row,
    shards,
    write_code,
)
from sphering.export.matrix.files import BLOCK_ROWS
from sphering.export.matrix.stream import Stream
from sphering.export.protocol import Block, ExportJob

_WRITE_ROWS = 2048  # what was read is in the cache still when it is written: two thirds of the time of 8,192


@dataclass(frozen=True)
class Layout:
    """What the header of a file says: (n, w) numbers of a type, from a byte on."""

    n: int
    width: int
    dtype: Any
    offset: int


class FlatFileFormat(VectorFormat):
    """Rows behind a header; ids.parquet beside them."""

    @abstractmethod
    def file_name(self, dtype: str) -> str:
        """Return the name of the file that holds numbers of a type; a shard's has its number in it."""

    @abstractmethod
    def write_header(self, target: BinaryIO, layout: Layout) -> None:
        """Write what comes before the rows."""

    @abstractmethod
    def read_header(self, path: Path) -> Layout:
        """Return what a file says of itself.

        Raises
        ------
        IntegrityError
            If it cannot be read, or its size is not what its header says.
        """

    def write(self, job: ExportJob) -> None:
        """Write files, ids and, for fewer bits, code and scales, block by block."""
        code, config = self.code(job), job.config
        scales = RowScales(job.folder, code, job.rows.n)
        stream = Stream(job.rows.blocks(_WRITE_ROWS))
        shard_rows = getattr(config, "shard_rows", None)
        for shard in shards(job.folder, self.file_name(code.dtype), job.rows.n, shard_rows):
            with shard.path.open("wb") as target:
                for number, block in enumerate(stream.take(shard.count)):
                    values = scales.keep(code.encode(block))
                    if number == 0:
                        self.write_header(target, Layout(shard.count, values.shape[1], values.dtype, 0))
                    np.ascontiguousarray(values).tofile(target)
        write_code(job.folder, code, job.rows.d)
        write_ids(job)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield blocks of the files, each header checked first."""
        code, dimension = read_code(folder)
        name = self.file_name(code.dtype)
        layouts = [(path, self.read_header(path)) for path in found_shards(folder, name)]
        for path, layout in layouts:
            self._check(path, layout, code, dimension)
        n = sum(layout.n for _, layout in layouts)
        yield from paired(self._decoded(folder, layouts), n, folder, name)

    def _check(self, path: Path, layout: Layout, code: Code, dimension: int | None) -> None:
        """Refuse numbers of another type or another width than the code has."""
        width = code.width(dimension) if dimension is not None else layout.width
        if (layout.width, layout.dtype) != (width, code.stored_type):
            raise IntegrityError(
                f"rows of {layout.width} {layout.dtype} numbers",
                expected=f"{width} of {code.stored_type}",
                where=str(path),
            )

    def _decoded(self, folder: Path, layouts: list[tuple[Path, Layout]]) -> Iterator[NDArray[np.float32]]:
        code, dimension = read_code(folder)
        n = sum(layout.n for _, layout in layouts)
        scales = read_scales(folder, (n, 1))[:, 0] if scaled_by_row(code) else None
        stream = Stream(block for path, layout in layouts for block in _rows(path, layout))
        for start in range(0, n, BLOCK_ROWS):
            count = min(BLOCK_ROWS, n - start)
            values = np.concatenate(list(stream.take(count)))
            own = np.array(scales[start : start + count]) if scales is not None else None
            yield code.decode(Stored(values, own), dimension or values.shape[1])


def _rows(path: Path, layout: Layout) -> Iterator[NDArray[Any]]:
    with path.open("rb") as stream:
        stream.seek(layout.offset)
        for start in range(0, layout.n, BLOCK_ROWS):
            count = min(BLOCK_ROWS, layout.n - start)
            yield np.fromfile(stream, layout.dtype, count * layout.width).reshape(count, layout.width)
