"""index.faiss and ids.parquet: a FAISS index that carries the transform and takes raw query vectors.

Its ids are the row_id of ids.parquet. The index is filled with the pipeline's own vectors, applied in float64; the
chain in front of it serves queries only. Building holds all vectors in memory, as FAISS does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sphering.config.export import FaissConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.documents import Documents
from sphering.export.formats.faiss.build import ADD_ROWS, build, open_factory, place_of, put_chain
from sphering.export.formats.faiss.layers import check_metric, is_exact, is_lossless, put_settings, read_settings
from sphering.export.formats.faiss.read import chain_error, inner, open_index, rows_of
from sphering.export.formats.faiss.search import FaissSearcher, ladder_of
from sphering.export.formats.faiss.training import check_rows
from sphering.export.formats.ids import read_ids, same_length, write_ids
from sphering.export.protocol import Block, ExportJob, IndexFormat, Settings

INDEX = "index.faiss"
_CHAIN_ROWS = 256


class FaissFormat(IndexFormat):
    """Any factory string whose metric is the inner product."""

    config = FaissConfig
    libraries = ("faiss-cpu", "numpy", "pyarrow")

    def check(self, config: FaissConfig, dimension: int) -> None:
        """Raise InputError where FAISS refuses the factory string, or the index has no such setting as is given."""
        held = read_settings(open_factory(config.index, dimension, place_of(config)))
        useless = [name for name in config.chosen_by_recall if name in config.model_fields_set and name not in held]
        if useless:
            raise InputError(
                f"the index {config.index!r} has no {' and no '.join(useless)}",
                expected=" and ".join(held) or "no setting of the search",
                where=place_of(config),
                remedy=f"remove {' and '.join(useless)}, or choose another index",
            )

    def check_documents(self, config: FaissConfig, documents: Documents) -> None:
        """Raise InputError where the index cannot be trained on so few vectors."""
        if documents.d is not None:
            index = open_factory(config.index, documents.d, place_of(config))
            check_rows(index, config, documents.trained, documents.held_out, place_of(config))

    def is_exact(self, config: FaissConfig) -> bool:
        """Return whether the index compares a query with every vector, in float32 and all dimensions."""
        return config.index == "Flat" and config.truncate_dim is None

    def write(self, job: ExportJob) -> None:
        """Build the index, put the transform in front, write both files."""
        import faiss

        config: Any = job.config
        index = build(config, job.rows)
        faiss.write_index(put_chain(index, job.transform, config.truncate_dim), str(job.folder / INDEX))
        write_ids(job)

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield ids and stored vectors; the metric is checked again, as it was read."""
        path = folder / INDEX
        index = open_index(path)
        try:
            check_metric(index, path.name, str(path))
        except InputError as error:
            raise IntegrityError(error.found, expected=error.expected, where=error.where) from error
        end = 0
        for doc_ids, vectors in rows_of(index, _within(read_ids(folder, ADD_ROWS), int(index.ntotal), path)):
            end += len(doc_ids)
            yield Block(doc_ids, vectors)
        same_length(int(index.ntotal), end, path)

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return what the index keeps, what it takes, and how far its chain is from the transform."""
        index = open_index(folder / INDEX)
        behind = inner(index)
        sample = job.snapshot.sample(_CHAIN_ROWS).vectors
        return {
            "dtype": "float32" if is_lossless(behind) else "quantised",
            "approximate": not is_exact(behind) or job.config.truncate_dim is not None,
            "takes": "raw query vectors of the encoder",
            "dimension_in": int(index.d),
            "transform_error": chain_error(index, lambda raw: job.rows.cut(job.transform.apply(raw)), sample),
        }

    def searcher(self, job: ExportJob, folder: Path) -> FaissSearcher:
        """Return the index as FAISS opens it."""
        return FaissSearcher(open_index(folder / INDEX))

    def ladder(self, job: ExportJob, searcher: Any) -> Sequence[Settings]:
        """Return ef_search, nprobe and k_factor in powers of two, as far as the index has them."""
        return ladder_of(searcher)

    def put_settings(self, folder: Path, settings: Settings) -> None:
        """Write the index again with other settings."""
        import faiss

        index = open_index(folder / INDEX)
        put_settings(index, settings)
        (folder / INDEX).unlink()
        faiss.write_index(index, str(folder / INDEX))


def _within(doc_ids: Iterator[Any], total: int, path: Path) -> Iterator[Any]:
    """Pass blocks of ids on as long as the index has rows for them."""
    end = 0
    for block in doc_ids:
        end += len(block)
        if end > total:
            same_length(total, end, path)
        yield block


FORMAT = FaissFormat()
