"""ScaNN's own files, ids.parquet and search.json: partitions, quantised scores, full scores; it takes unit queries.

Its rows are the row_id of ids.parquet. Its training is random, by no seed: two builds differ in bytes, hold equal
vectors and meet their recall. As the files of two builds must not be mixed, search.json names each by its digest; so no
damaged one reaches ScaNN either, which ends the process over some of them.

What it is built from is mapped; the library holds every vector, its partitions' codes, d / 4 bytes a vector, and while
it is trained copies of up to 100,000 vectors: 369 MB were measured for 60,000 of 384 dimensions, which have 92 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.export import ScannConfig
from sphering.cores import available_cores
from sphering.errors import InputError, IntegrityError
from sphering.export.documents import Documents
from sphering.export.formats.ids import paired, write_ids
from sphering.export.formats.ladder import RESCORED, nested, partitions
from sphering.export.formats.scann.build import (
    LEAST_ROWS,
    ROWS_PER_LEAF,
    build,
    leaves_of,
    open_library,
    settings_of,
)
from sphering.export.formats.search_file import SEARCH, SearchFile, read_search
from sphering.export.formats.space import take_space
from sphering.export.matrix.files import BLOCK_ROWS
from sphering.export.protocol import Block, ExportJob, IndexFormat, Settings
from sphering.extras import require
from sphering.identity import sha256_file

CONFIG = "scann_config.pb"
DATASET = "dataset.npy"
METRIC = "DotProductDistance"
_QUERIES = "unit float32 vectors under the transform"
_K = 10


class ScannFormat(IndexFormat):
    """A ScaNN searcher of dot products; below 20,000 vectors it compares every one."""

    config = ScannConfig
    libraries = ("scann", "numpy", "pyarrow")
    without_vectors = (SEARCH,)
    one_build = True

    def check(self, config: ScannConfig, dimension: int) -> None:
        """Raise ExtraMissingError where ScaNN is not installed."""
        open_library()

    def check_documents(self, config: ScannConfig, documents: Documents) -> None:
        """Raise InputError where there are too few vectors to train the partitions that are wanted."""
        leaves, n = leaves_of(config, documents.n), documents.n
        if leaves and n < max(LEAST_ROWS, ROWS_PER_LEAF * leaves):
            most = n // ROWS_PER_LEAF if n >= LEAST_ROWS else 0
            raise InputError(
                f"leaves = {leaves}, and there are {n} vectors",
                expected=f"at least {LEAST_ROWS} vectors, and {ROWS_PER_LEAF} a leaf",
                where=f"[[export]] {config.name}",
                remedy="leave `leaves` out" + (f", or set at most {most}" if most else ", or set it to 0"),
            )

    def is_exact(self, config: ScannConfig) -> bool:
        """Return whether every vector is compared whatever the corpus; `facts` says what came out."""
        return config.leaves == 0 and config.truncate_dim is None

    def write(self, job: ExportJob) -> None:
        """Build the searcher and write its files, ids and settings."""
        config: Any = job.config
        searcher = build(job)
        take_space(job.folder / DATASET, job.rows.n * job.rows.d * 4)
        searcher.serialize(str(job.folder), relative_path=True)
        settings = settings_of(config, leaves_of(config, job.matrix.n))
        held = SearchFile(
            "scann", _metric(job.folder), "float32", job.rows.d, job.rows.n, _QUERIES, settings, _digests(job.folder)
        )
        held.write(job.folder)
        read_search(job.folder, "scann", (METRIC,))
        write_ids(job)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield ids with the vectors that ScaNN keeps to score its candidates."""
        searcher, held = open_searcher(folder)
        path = folder / DATASET
        vectors = np.load(path, mmap_mode="r")
        held.require(path, vectors=int(searcher.size()))
        blocks = (np.array(vectors[start : start + BLOCK_ROWS]) for start in range(0, len(vectors), BLOCK_ROWS))
        yield from paired(blocks, len(vectors), folder, DATASET)

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return whether there are partitions, and how many."""
        config: Any = job.config
        leaves = leaves_of(config, job.matrix.n)
        return {"dtype": "float32", "leaves": leaves, "approximate": bool(leaves) or config.truncate_dim is not None}

    def searcher(self, job: ExportJob, folder: Path) -> ScannSearcher:
        """Return the searcher as a service opens it."""
        searcher, held = open_searcher(folder)
        return ScannSearcher(job, searcher, held.settings)

    def ladder(self, job: ExportJob, searcher: Any) -> Sequence[Settings]:
        """Return leaves_to_search for each of some values of reorder; nothing without partitions."""
        config: Any = job.config
        leaves = leaves_of(config, job.matrix.n)
        if not leaves:
            return ()
        return nested({"reorder": [_K * times for times in RESCORED], "leaves_to_search": partitions(leaves)})

    def put_settings(self, folder: Path, settings: Settings) -> None:
        """Write the settings into ScaNN's own configuration, which it searches by, and into search.json."""
        held = read_search(folder, "scann", (METRIC,))
        config = _read_config(folder)
        config.partitioning.query_spilling.max_spill_centers = settings["leaves_to_search"]
        config.exact_reordering.approx_num_neighbors = settings["reorder"]
        (folder / CONFIG).write_bytes(config.SerializeToString())
        digests = {**(held.sha256 or {}), CONFIG: sha256_file(folder / CONFIG)}
        replace(held, settings=settings, sha256=digests).write(folder)


@dataclass
class ScannSearcher:
    """An opened searcher, which takes unit queries."""

    job: ExportJob
    searcher: Any
    settings: Settings

    def put(self, settings: Settings) -> None:
        """Search so many partitions, and score so many candidates again."""
        self.settings = {**self.settings, **settings}

    def search(self, raw: NDArray[np.float32], unit: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the rows that ScaNN finds, (q, k); it fills up with row 0 and the score NaN where it finds fewer."""
        rows, scores = self.searcher.search_batched_parallel(
            np.ascontiguousarray(self.job.rows.cut(unit), dtype=np.float32),
            final_num_neighbors=k,
            pre_reorder_num_neighbors=self.settings.get("reorder"),
            leaves_to_search=self.settings.get("leaves_to_search"),
        )
        return np.where(np.isnan(scores), -1, np.asarray(rows, dtype=np.int64))


def open_searcher(folder: Path) -> tuple[Any, SearchFile]:
    """Return the searcher of a folder, its files checked against search.json first, and that file.

    Raises
    ------
    IntegrityError
        If a file is missing or of another build, or ScaNN cannot read them.
    """
    held = read_search(folder, "scann", (METRIC,))
    for name, digest in (held.sha256 or {}).items():
        path = folder / name
        if not path.is_file() or sha256_file(path) != digest:
            raise IntegrityError(
                "this file is missing or of another build", expected=f"SHA-256 {digest[:16]}…", where=str(path)
            )
    held.require(folder / CONFIG, metric=_metric(folder))
    header = np.load(folder / DATASET, mmap_mode="r")
    held.require(folder / DATASET, vectors=header.shape[0], dimension=header.shape[1])
    try:
        searcher = open_library().load_searcher(str(folder))
    except RuntimeError as error:
        raise IntegrityError(f"these files cannot be read: {error}", where=str(folder)) from error
    searcher.set_num_threads(available_cores())
    return searcher, held


def _read_config(folder: Path) -> Any:
    damaged = require("google.protobuf.message", "scann").DecodeError
    found = require("scann.proto.scann_pb2", "scann").ScannConfig()
    try:
        found.ParseFromString((folder / CONFIG).read_bytes())
    except (OSError, damaged) as error:
        raise IntegrityError(f"this file cannot be read: {error}", where=str(folder / CONFIG)) from error
    return found


def _metric(folder: Path) -> str:
    return str(_read_config(folder).distance_measure.distance_measure)


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted(folder.iterdir()) if path.name != SEARCH}


FORMAT = ScannFormat()
