"""index.usearch, ids.parquet and search.json: a usearch graph, which takes unit queries.

Its keys are the row_id of ids.parquet. Its file keeps metric, number type and dimension, and not expansion_search.

int8 has the metric `cos`: usearch casts a float vector of a `ip` index to trunc(127 x / ‖x‖), whose length is lost by
a fifth, and its scores are products of integers. Here each vector fills the range by its own largest number, rounded
to nearest, and the cosine divides the lengths out (recall@10 of .99 instead of .95 on sentences, queries coded alike).

The graph depends on the order in which threads add vectors: two builds differ in bytes, hold equal vectors and meet
their recall. The library holds every number; beside them there is one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.export import UsearchConfig
from sphering.cores import available_cores
from sphering.errors import IntegrityError
from sphering.export.codes import BFLOAT16, BY_VECTOR, FLOAT16, FLOAT32, INT8, Code, Stored
from sphering.export.formats.ids import read_ids, same_length, write_ids
from sphering.export.formats.ladder import CANDIDATES
from sphering.export.formats.search_file import SEARCH, SearchFile, read_search
from sphering.export.formats.space import check_written, take_space
from sphering.export.matrix.assemble import MAX_NORM_ERROR
from sphering.export.protocol import Block, ExportJob, IndexFormat, Settings
from sphering.extras import require

INDEX = "index.usearch"
IP, COS = "ip", "cos"
_KINDS = {FLOAT32: "f32", FLOAT16: "f16", BFLOAT16: "bf16", INT8: "i8"}
_DTYPES = {kind: dtype for dtype, kind in _KINDS.items()}
_FLOAT_QUERIES = "unit float32 vectors under the transform"
_INT8_QUERIES = "int8: unit vectors under the transform, each 127 x / max |x|, rounded to nearest"


class UsearchFormat(IndexFormat):
    """A usearch index of inner products, or, for int8, of cosines."""

    config = UsearchConfig
    libraries = ("usearch", "numpy", "pyarrow")
    without_vectors = (SEARCH,)

    def check(self, config: UsearchConfig, dimension: int) -> None:
        """Raise ExtraMissingError where usearch is not installed."""
        require("usearch", "usearch")

    def write(self, job: ExportJob) -> None:
        """Build the index block by block and write all three files."""
        config: Any = job.config
        index = _built(config, job)
        path, size = job.folder / INDEX, int(index.serialized_length)
        take_space(path, size)
        index.save(str(path))
        check_written(path, size)
        queries = _INT8_QUERIES if config.dtype == INT8 else _FLOAT_QUERIES
        settings = {"expansion_search": config.expansion_search}
        metric = _metric(config.dtype)
        SearchFile("usearch", metric, config.dtype, job.rows.d, job.rows.n, queries, settings).write(job.folder)
        write_ids(job)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield ids with the vectors that usearch gives back for them; int8 as unit vectors."""
        index, held = open_index(folder)
        start = 0
        for doc_ids in read_ids(folder):
            yield Block(doc_ids, _stored(index, held.dtype, start, len(doc_ids), folder / INDEX))
            start += len(doc_ids)
        same_length(len(index), start, folder / INDEX)

    def expected(self, job: ExportJob) -> Iterator[NDArray[np.float32]]:
        """Yield the rows after encoding and decoding: usearch rounds as NumPy does."""
        config: Any = job.config
        for block in job.rows.blocks():
            yield _decoded(_coded(block, config.dtype), config.dtype, job.rows.d)

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return the type of the numbers and the index' own metric."""
        held = read_search(folder, "usearch", (IP, COS))
        return {"dtype": held.dtype, "index_metric": held.metric}

    def searcher(self, job: ExportJob, folder: Path) -> UsearchSearcher:
        """Return the index as a service opens it: mapped, with the expansion_search of search.json."""
        index, held = open_index(folder)
        return UsearchSearcher(job, index, held.dtype)

    def ladder(self, job: ExportJob, searcher: Any) -> Sequence[Settings]:
        """Return values of expansion_search in powers of two."""
        return [{"expansion_search": candidates} for candidates in CANDIDATES]

    def put_settings(self, folder: Path, settings: Settings) -> None:
        """Write search.json again."""
        held = read_search(folder, "usearch", (IP, COS))
        replace(held, settings={**held.settings, **settings}).write(folder)


@dataclass(frozen=True)
class UsearchSearcher:
    """An opened index, which takes unit queries, for int8 in its own code."""

    job: ExportJob
    index: Any
    dtype: str

    @property
    def settings(self) -> Settings:
        """The expansion_search that the index searches with."""
        return {"expansion_search": int(self.index.expansion_search)}

    def put(self, settings: Settings) -> None:
        """Set expansion_search."""
        self.index.expansion_search = settings["expansion_search"]

    def search(self, raw: NDArray[np.float32], unit: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the rows that usearch finds, (q, k)."""
        queries = self.job.rows.cut(unit)
        values = _coded(queries, self.dtype) if self.dtype == INT8 else queries
        # Of one query usearch gives one flat answer.
        keys, counts = _batch(self.index.search(values, k, threads=available_cores()), len(values))
        found = np.full((len(queries), k), -1, dtype=np.int64)
        found[:, : keys.shape[1]] = keys
        return np.where(np.arange(k) < counts[:, None], found, -1)


def open_index(folder: Path) -> tuple[Any, SearchFile]:
    """Return the index of a folder, mapped, with its expansion_search, checked against search.json, and that file.

    Raises
    ------
    IntegrityError
        If it cannot be read, or is of another metric, number type, dimension or number than search.json says.
    """
    held, path = read_search(folder, "usearch", (IP, COS)), folder / INDEX
    try:
        index = require("usearch.index", "usearch").Index.restore(str(path), view=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise IntegrityError(f"this file cannot be read: {error}", where=str(path)) from error
    if index is None:
        raise IntegrityError("this file cannot be read", expected="a usearch index", where=str(path))
    held.require(path, dtype=_dtype(index), metric=_metric_of(index), dimension=index.ndim, vectors=len(index))
    if held.metric != _metric(held.dtype):
        raise IntegrityError(f"an index of {held.dtype} with the metric {held.metric}", where=str(path))
    index.expansion_search = held.setting("expansion_search", folder)
    return index, held


def _built(config: UsearchConfig, job: ExportJob) -> Any:
    rows, start = job.rows, 0
    index = require("usearch.index", "usearch").Index(
        ndim=rows.d,
        metric=_metric(config.dtype),
        dtype=_KINDS[config.dtype],
        connectivity=config.connectivity,
        expansion_add=config.expansion_add,
        expansion_search=config.expansion_search,
    )
    for block in rows.blocks():
        values = _coded(_unit(block), INT8) if config.dtype == INT8 else block
        index.add(np.arange(start, start + len(block)), values, threads=available_cores())
        start += len(block)
    return index


def _unit(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of unit length as they are; in int8, which a cosine compares, another would leave no trace."""
    wrong = float(np.max(np.abs(np.linalg.norm(block.astype(np.float64), axis=1) - 1), initial=0.0))
    if not wrong <= MAX_NORM_ERROR:
        raise IntegrityError(f"a vector has a norm that is off by {wrong:g}", expected=f"at most {MAX_NORM_ERROR:g}")
    return block


def _metric(dtype: str) -> str:
    return COS if dtype == INT8 else IP


def _metric_of(index: Any) -> str:
    return str(index.metric_kind.name).lower()


def _dtype(index: Any) -> str:
    kind = str(index.dtype.name).lower()
    return _DTYPES.get(kind, kind)


def _coded(unit: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    return Code(dtype, BY_VECTOR if dtype == INT8 else None).encode(unit).values


def _decoded(values: NDArray[Any], dtype: str, dimension: int) -> NDArray[np.float32]:
    """Return what coded vectors stand for; of int8 the direction, for that is what a cosine compares."""
    if dtype != INT8:
        return Code(dtype).decode(Stored(values), dimension)
    numbers = values.astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", numbers, numbers))[:, None]
    # A zero vector is none of ours: NaN is found by whoever looks at norms.
    unit: NDArray[np.float64] = np.divide(numbers, norms, out=np.full_like(numbers, np.nan), where=norms > 0)
    return unit.astype(np.float32)


def _stored(index: Any, dtype: str, start: int, count: int, path: Path) -> NDArray[np.float32]:
    keys = np.arange(start, start + count)
    if not np.all(index.contains(keys)):
        raise IntegrityError(
            f"there is no vector for some row from {start} on",
            expected="one key for each row_id of ids.parquet",
            where=str(path),
        )
    values: NDArray[Any] = np.stack(index.get(keys, "i8" if dtype == INT8 else "f32"))
    return _decoded(values, INT8, index.ndim) if dtype == INT8 else values


def _batch(matches: Any, queries: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the keys of each query, and how many of them were found."""
    keys = np.asarray(matches.keys).reshape(queries, -1)
    counts = getattr(matches, "counts", None)
    return keys, np.full(queries, keys.shape[1]) if counts is None else np.asarray(counts)


FORMAT = UsearchFormat()
