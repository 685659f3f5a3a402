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
from sphering.export.codes import BY_DIMENSION, FLOAT32, INT8, Code, Stored, fit
from sphering.export.exact import TopK
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
        If there is none.
    """
    path = folder / name
    numbered = sorted(folder.glob(f"{path.stem}-*{path.suffix}"))
    if not numbered and not path.is_file():
        raise IntegrityError("this file is missing", where=str(path))
    return numbered or [path]


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
        scales = np.load(folder / SCALES)[0] if content["scale"] == BY_DIMENSION else None
        return Code(content["dtype"], content["scale"], scales), int(content["dimension"])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise IntegrityError(f"this file cannot be read: {error}", where=str(path)) from error


class RowScales:
    """The scales of int8 by vector, (n, 1) float32 in scales.npy, written as the rows are and read back with them."""

    def __init__(self, folder: Path, code: Code) -> None:
        self._path = folder / SCALES
        self._wanted = code.dtype == INT8 and code.scales is None
        self._parts: list[NDArray[np.float32]] = []

    def keep(self, stored: Stored) -> NDArray[np.generic]:
        """Remember the scales of a block; return its numbers."""
        if self._wanted:
            self._parts.append(np.asarray(stored.scales))
        return stored.values

    def save(self) -> None:
        """Write them, 4 bytes a vector."""
        if self._wanted:
            np.save(self._path, np.concatenate(self._parts)[:, None])

    def reader(self) -> Callable[[int, int], NDArray[np.float32] | None]:
        """Return what gives the scales of so many rows from a row on."""
        if not self._wanted:
            return lambda start, count: None
        try:
            scales = np.load(self._path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise IntegrityError(f"this file cannot be read: {error}", where=str(self._path)) from error
        return lambda start, count: np.array(scales[start : start + count, 0])


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
        best = TopK(self.code.query(self.job.rows.cut(unit)), k)
        start = 0
        for block in self.read():
            count = len(block.doc_ids)
            best.update(np.asarray(block.vectors), np.arange(start, start + count))
            start += count
        return np.asarray(best.result()[0], dtype=np.int64)
