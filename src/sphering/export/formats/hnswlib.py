"""index.hnswlib, ids.parquet and search.json: an hnswlib graph over inner products, which takes unit queries.

Its labels are the row_id of ids.parquet. Its file keeps neither the space nor ef, and hnswlib opens it under any space
and any dimension; search.json says them, and the file's header is checked against it. The graph depends on the order in
which threads add vectors: two builds differ in bytes, hold equal vectors and meet their recall. The library holds every
vector, 4 d + 8 m + 8 bytes each; beside it there is one block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.export import HnswlibConfig
from sphering.cores import available_cores
from sphering.errors import IntegrityError
from sphering.export.formats.ids import read_ids, same_length, write_ids
from sphering.export.formats.ladder import CANDIDATES
from sphering.export.formats.search_file import SEARCH, SearchFile, read_search
from sphering.export.formats.space import check_written, take_space
from sphering.export.protocol import Block, ExportJob, IndexFormat, Settings
from sphering.extras import require

INDEX = "index.hnswlib"
SPACE = "ip"
QUERIES = "unit float32 vectors under the transform"
# hierarchicalnsw's saveIndex: offset of level 0, most and present elements, bytes of one, offsets of label and vector,
# top level, entry point, links above and at level 0, M, the level's multiplier, ef_construction.
_HEADER = struct.Struct("<6QiI3QdQ")
_LABEL_BYTES = 8
_SEED = 100


class HnswlibFormat(IndexFormat):
    """An hnswlib index of the space `ip`."""

    config = HnswlibConfig
    libraries = ("hnswlib", "numpy", "pyarrow")
    without_vectors = (SEARCH,)

    def check(self, config: HnswlibConfig, dimension: int) -> None:
        """Raise ExtraMissingError where hnswlib is not installed."""
        require("hnswlib", "hnswlib")

    def write(self, job: ExportJob) -> None:
        """Build the index block by block and write all three files."""
        config: Any = job.config
        index = _built(config, job)
        path, size = job.folder / INDEX, int(index.index_file_size())
        take_space(path, size)
        index.save_index(str(path))
        check_written(path, size)
        settings = {"ef_search": config.ef_search}
        SearchFile("hnswlib", SPACE, "float32", job.rows.d, job.rows.n, QUERIES, settings).write(job.folder)
        write_ids(job)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield ids with the vectors that hnswlib gives back for them."""
        index = open_index(folder)
        start = 0
        for doc_ids in read_ids(folder):
            yield Block(doc_ids, _items(index, start, len(doc_ids), folder / INDEX))
            start += len(doc_ids)
        same_length(int(index.element_count), start, folder / INDEX)

    def searcher(self, job: ExportJob, folder: Path) -> HnswlibSearcher:
        """Return the index as a service opens it: with the ef of search.json."""
        return HnswlibSearcher(job, open_index(folder))

    def ladder(self, job: ExportJob, searcher: Any) -> Sequence[Settings]:
        """Return values of ef_search in powers of two."""
        return [{"ef_search": candidates} for candidates in CANDIDATES]

    def put_settings(self, folder: Path, settings: Settings) -> None:
        """Write search.json again."""
        held = read_search(folder, "hnswlib", (SPACE,))
        replace(held, settings={**held.settings, **settings}).write(folder)


@dataclass(frozen=True)
class HnswlibSearcher:
    """An opened index, which takes unit queries."""

    job: ExportJob
    index: Any

    @property
    def settings(self) -> Settings:
        """The ef that the index searches with."""
        return {"ef_search": int(self.index.ef)}

    def put(self, settings: Settings) -> None:
        """Set ef."""
        self.index.set_ef(settings["ef_search"])

    def search(self, raw: NDArray[np.float32], unit: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the rows that hnswlib finds, (q, k)."""
        queries = self.job.rows.cut(unit)
        wanted = min(k, int(self.index.element_count))
        found = np.full((len(queries), k), -1, dtype=np.int64)
        try:
            found[:, :wanted] = self.index.knn_query(queries, k=wanted)[0]
        except RuntimeError:  # of a graph that falls apart, as with many equal vectors, it reaches fewer than k
            for query, row in zip(queries, found, strict=True):
                reached = _reached(self.index, query, wanted)
                row[: len(reached)] = reached
        return found


def open_index(folder: Path) -> Any:
    """Return the index of a folder with its ef, checked against search.json.

    Raises
    ------
    IntegrityError
        If it cannot be read, or is of another dimension or number than search.json says.
    """
    held, path = read_search(folder, "hnswlib", (SPACE,)), folder / INDEX
    held.require(path, **_header(path))
    index = require("hnswlib", "hnswlib").Index(space=held.metric, dim=held.dimension)
    try:
        index.load_index(str(path))
    except RuntimeError as error:
        raise IntegrityError(f"this file cannot be read: {error}", where=str(path)) from error
    held.require(path, metric=index.space, dimension=index.dim, vectors=index.element_count)
    index.set_ef(held.setting("ef_search", folder))
    index.set_num_threads(available_cores())
    return index


def _built(config: HnswlibConfig, job: ExportJob) -> Any:
    rows, start = job.rows, 0
    index = require("hnswlib", "hnswlib").Index(space=SPACE, dim=rows.d)
    index.init_index(max_elements=rows.n, M=config.m, ef_construction=config.ef_construction, random_seed=_SEED)
    index.set_num_threads(available_cores())
    for block in rows.blocks():
        index.add_items(block, np.arange(start, start + len(block)))
        start += len(block)
    return index


def _header(path: Path) -> dict[str, int]:
    """Return dimension and number as the file's header has them, which hnswlib does not compare with anything."""
    try:
        with path.open("rb") as stream:
            start, most, present, size, label, vector, *_ = _HEADER.unpack(stream.read(_HEADER.size))
    except (OSError, struct.error) as error:
        raise IntegrityError(
            f"this file cannot be read: {error}", expected="an hnswlib index", where=str(path)
        ) from error
    # hnswlib takes memory for `most` elements, and reads each where the offsets say, whatever these are.
    if start != 0 or most != present or size != label + _LABEL_BYTES or not vector <= label:
        raise IntegrityError(
            "a header whose numbers contradict each other", expected="an hnswlib index", where=str(path)
        )
    if path.stat().st_size < _HEADER.size + present * size:
        raise IntegrityError(f"{path.stat().st_size} bytes for {present} vectors", expected="more", where=str(path))
    return {"dimension": (label - vector) // 4, "vectors": present}


def _items(index: Any, start: int, count: int, path: Path) -> NDArray[np.float32]:
    try:
        return np.asarray(index.get_items(np.arange(start, start + count)), dtype=np.float32)
    except RuntimeError as error:
        raise IntegrityError(
            f"there is no vector for some row from {start} on: {error}",
            expected="one label for each row_id of ids.parquet",
            where=str(path),
        ) from error


def _reached(index: Any, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return what a query reaches, k rows or half as many, and so on."""
    while k:
        try:
            return np.asarray(index.knn_query(query, k=k)[0][0], dtype=np.int64)
        except RuntimeError:
            k //= 2
    return np.empty(0, dtype=np.int64)


FORMAT = HnswlibFormat()
