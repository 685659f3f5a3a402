"""index.faiss and ids.parquet: a FAISS index that carries the transform and takes raw query vectors.

Its ids are the row_id of ids.parquet. The index is filled with the pipeline's own vectors, applied in float64; the
chain in front of it serves queries only. Building holds all vectors in memory, as FAISS does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphering.config.model import ExportConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.ids_file import place, read_ids, same_length
from sphering.export.index_build import ADD_ROWS, build, open_factory, put_chain
from sphering.export.index_layers import check_metric, is_exact, is_lossless, read_settings
from sphering.export.index_read import chain_error, inner, open_index, rows_of
from sphering.export.matrix import IDS
from sphering.export.protocol import Block, ExportJob
from sphering.export.recall import measure_recall

INDEX = "index.faiss"
_CHAIN_ROWS = 256


class FaissFormat:
    """Any factory string whose metric is the inner product."""

    name = "faiss"
    options = frozenset({"index", "ef_search", "nprobe"})
    libraries = ("faiss-cpu", "numpy", "pyarrow")
    measures_recall = True

    def check(self, config: ExportConfig, dimension: int) -> None:
        """Raise InputError where FAISS refuses the factory string or makes it another metric."""
        open_factory(config.index, dimension)

    def write(self, job: ExportJob) -> None:
        """Build the index, put the transform in front, write both files."""
        import faiss

        matrix = job.matrix
        index = build(job.config, matrix.d, matrix.n, lambda: matrix.blocks(ADD_ROWS))
        faiss.write_index(put_chain(index, job.transform), str(job.folder / INDEX))
        place(matrix.directory / IDS, job.folder)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield ids and stored vectors; the metric is checked again, as it was read."""
        path = folder / INDEX
        index = open_index(path)
        try:
            check_metric(index, path.name)
        except InputError as error:
            raise IntegrityError(error.found, expected=error.expected, where=str(path)) from error
        end = 0
        for doc_ids, vectors in rows_of(index, _within(read_ids(folder, ADD_ROWS), int(index.ntotal), path)):
            end += len(doc_ids)
            yield Block(doc_ids, vectors)
        same_length(int(index.ntotal), end, path)

    def measure(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return settings as read back, how far the chain is from the transform, and the recall."""
        index = open_index(folder / INDEX)
        behind = inner(index)
        sample = job.snapshot.sample(_CHAIN_ROWS).vectors
        return {
            "dtype": "float32" if is_lossless(behind) else "quantised",
            "approximate": not is_exact(behind),
            "takes": "raw query vectors of the encoder",
            "dimension_in": int(index.d),
            "settings": read_settings(index),
            "transform_error": chain_error(index, job.transform, sample),
            "recall_at_10": measure_recall(job, index, exact_index=is_exact(behind)),
        }


def _within(doc_ids: Iterator[Any], total: int, path: Path) -> Iterator[Any]:
    """Pass blocks of ids on as long as the index has rows for them."""
    end = 0
    for block in doc_ids:
        end += len(block)
        if end > total:
            same_length(total, end, path)
        yield block


FORMAT = FaissFormat()
