"""What formats share that hold vectors and are no index: shards, the code of their numbers, the search by decoding."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.codes import BY_DIMENSION, BY_VECTOR, DTYPES, FLOAT32, INT8, Code, Stored, fit
from sphering.export.exact import nearest
from sphering.export.formats.npy_header import read_npy_header, write_npy_header
from sphering.export.protocol import Block, ExportJob, Format, Searcher, Settings

SCALES = "scales.npy"
CODE = "code.json"


@dataclass(frozen=True)
class Shard:
    """One file of consecutive rows."""

    path: Path
    start: int
    count: int


def shards(folder: Path, name: str, n: int, shard_rows: int | None) -> list[Shard]:
    """Return the files of n rows: `name` itself, or numbered ones of at most `shard_rows` rows."""
    path = folder / name
    if shard_rows is None:
        return [Shard(path, 0, n)]
    return [
        Shard(path.with_stem(f"{path.stem}-{number:05}"), start, min(shard_rows, n - start))
        for number, start in enumerate(range(0, n, shard_rows))
    ]


def found_shards(folder: Path, name: str) -> list[Path]:
    """Return the files that `shards` named, in order.

    Raises
    ------
    IntegrityError
        If there is none, or one between two others is missing, or there are both numbered ones and one that is not.
    """
    path = folder / name
    numbers = (file.stem.removeprefix(f"{path.stem}-") for file in folder.glob(f"{path.stem}-*{path.suffix}"))
    count = len(found := sorted(int(number) for number in numbers if number.isdecimal()))
    if bool(count) == path.is_file():
        raise IntegrityError(
            "this file is missing" if not count else f"this file lies beside {count} numbered ones",
            expected="one file, or numbered ones",
            where=str(path),
        )
    if not count:
        return [path]
    expected = [shard.path for shard in shards(folder, name, count, 1)]
    absent = [shard.name for shard in expected if not shard.is_file()]
    if absent:
        raise IntegrityError(
            f"{absent[0]} is missing",
            expected=f"all of {count} files, of which the last is {path.stem}-{found[-1]:05}{path.suffix}",
            where=str(folder),
        )
    return expected


def code_of(job: ExportJob) -> Code:
    """Return the code of the numbers of an export whose table has `dtype`, and `scale` where it can be int8."""
    config: Any = job.config
    return fit(config.dtype, getattr(config, "scale", None), job.rows.blocks())


def write_code(folder: Path, code: Code, dimension: int) -> None:
    """Write code.json, which says how numbers are stored, where they are not float32; and the scales of dimensions."""
    if code.dtype == FLOAT32:
        return
    content = {"dtype": code.dtype, "scale": code.scale, "dimension": dimension}
    (folder / CODE).write_text(json.dumps(content), encoding="utf-8")
    if code.scales is not None:
        np.save(folder / SCALES, code.scales[None, :])


def read_code(folder: Path) -> tuple[Code, int | None]:
    """Return the code of a folder, and the dimension where the files need not tell it.

    Raises
    ------
    IntegrityError
        If what says it cannot be read.
    """
    path = folder / CODE
    if not path.is_file():
        return Code(), None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        dtype, scale, dimension = str(content["dtype"]), content["scale"], int(content["dimension"])
        if dtype not in DTYPES or scale not in (None, BY_VECTOR, BY_DIMENSION):
            raise ValueError(f"dtype {dtype!r}, scale {scale!r}")
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise IntegrityError(
            f"this file cannot be read: {error}", expected="dtype, scale and dimension", where=str(path)
        ) from error
    scales = read_scales(folder, (1, dimension))[0] if scale == BY_DIMENSION else None
    return Code(dtype, scale, scales), dimension


def read_scales(folder: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the scales of a folder as a memory map.

    Raises
    ------
    IntegrityError
        If they cannot be read, or are not float32 of this shape.
    """
    path = folder / SCALES
    found, dtype, offset = read_npy_header(path)
    if found != shape or dtype != np.float32:
        raise IntegrityError(f"{found} {dtype}", expected=f"{shape} float32", where=str(path))
    return np.memmap(path, dtype=np.float32, mode="r", offset=offset, shape=shape)


class RowScales:
    """The scales of int8 by vector, (n, 1) float32 in scales.npy, written block by block beside the rows.

    Parameters
    ----------
    folder : Path
    code : Code
        Nothing is written for any other.
    n : int
        How many rows there will be.
    """

    def __init__(self, folder: Path, code: Code, n: int) -> None:
        self._wanted = scaled_by_row(code)
        self._path, self._n, self._end = folder / SCALES, n, 0

    def keep(self, stored: Stored) -> NDArray[np.generic]:
        """Write the scales of a block; return its numbers."""
        if self._wanted:
            with self._path.open("ab" if self._end else "wb") as target:
                if not self._end:
                    write_npy_header(target, (self._n, 1), np.dtype("<f4"))
                np.asarray(stored.scales, "<f4").tofile(target)
            self._end += len(stored.values)
        return stored.values


def scaled_by_row(code: Code) -> bool:
    """Return whether each row has a scale of its own."""
    return code.dtype == INT8 and code.scales is None


class VectorFormat(Format):
    """A format that holds every vector, in float32 or in fewer bits."""

    @abstractmethod
    def read(self, folder: Path) -> Iterator[Block]:
        """Yield all rows with the engine's own reader, in order, decoded."""

    def expected(self, job: ExportJob) -> Iterator[NDArray[np.float32]]:
        """Yield the rows after encoding and decoding."""
        code = self.code(job)
        for block in job.rows.blocks():
            yield code.decode(code.encode(block), job.rows.d)

    def code(self, job: ExportJob) -> Code:
        """Return the code of an export's numbers."""
        return code_of(job) if "dtype" in type(job.config).model_fields else Code()

    def is_exact(self, config: Any) -> bool:
        """Return whether the vectors are stored as they are, with all of their dimensions."""
        return getattr(config, "dtype", FLOAT32) == FLOAT32 and config.truncate_dim is None

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return the type of the numbers, and what int8 is scaled by."""
        code, _ = read_code(folder)
        return {"dtype": code.dtype, **({"scale": code.scale} if code.scale else {})}

    def searcher(self, job: ExportJob, folder: Path) -> Searcher | None:
        """Return an exact search over what the reader gives, where that is less than was encoded."""
        if self.is_exact(job.config):
            return None
        return DecodedSearcher(job, read_code(folder)[0], lambda: self.read(folder))


@dataclass(frozen=True)
class DecodedSearcher:
    """Exact inner products of queries with vectors as they are read back: what fewer bits cost, and nothing else."""

    job: ExportJob
    code: Code
    read: Callable[[], Iterator[Block]]

    @property
    def settings(self) -> Settings:
        """There is nothing to set."""
        return {}

    def put(self, settings: Settings) -> None:
        """Nothing is to be set."""

    def search(self, raw: NDArray[np.float32], unit: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the best rows of each query, (q, k)."""
        blocks = (np.asarray(block.vectors) for block in self.read())
        return nearest(blocks, self.code.query(self.job.rows.cut(unit)), k)[0]
