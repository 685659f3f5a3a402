"""The formats by name; each is imported when it is used."""

from __future__ import annotations

from importlib import import_module

from sphering.config.export import ExportConfig
from sphering.config.table import ContradictionError
from sphering.errors import ExtraMissingError, InputError
from sphering.export.protocol import Format

FORMATS = {
    "npy": "sphering.export.formats.npy",
    "parquet": "sphering.export.formats.parquet",
    "fbin": "sphering.export.formats.fbin",
    "duckdb": "sphering.export.formats.duckdb",
    "ndjson": "sphering.export.formats.ndjson",
    "hdf5": "sphering.export.formats.hdf5",
    "faiss": "sphering.export.formats.faiss.format",
    "pgvector": "sphering.export.formats.pgvector.format",
    "qdrant": "sphering.export.formats.qdrant.format",
    "hnswlib": "sphering.export.formats.hnswlib",
    "usearch": "sphering.export.formats.usearch",
    "scann": "sphering.export.formats.scann.format",
}


def open_format(name: str) -> Format:
    """Return the format of a name: the object FORMAT of its module, or what an installed package brings.

    Raises
    ------
    ExtraMissingError
        If no installed package brings one of that name.
    """
    if name in FORMATS:
        built_in: Format = import_module(FORMATS[name]).FORMAT
        return built_in
    try:
        found: Format = ExportConfig.variants.third_party(name).load()
    except ContradictionError as error:
        remedy = "install the package that brings it"
        raise ExtraMissingError(str(error), expected=error.expected, remedy=remedy) from error
    return found


def check_export(config: ExportConfig, dimension: int) -> None:
    """Refuse an [[export]] table that cannot work.

    Parameters
    ----------
    config : ExportConfig
    dimension : int
        Of the vectors after the transform.

    Raises
    ------
    InputError
        Before anything is written.
    ExtraMissingError
        If a library of the format is not installed.
    """
    where = f"[[export]] {config.name}"
    kept = config.truncate_dim or dimension
    if kept > dimension:
        raise InputError(
            f"truncate_dim = {kept}, and the vectors have {dimension} dimensions",
            expected=f"at most {dimension}",
            where=where,
            remedy="leave it out, or name fewer",
        )
    chosen = open_format(config.format)
    if chosen.limit is not None and kept > chosen.limit:
        raise InputError(
            f"{config.format} takes vectors of at most {chosen.limit} dimensions, these have {kept}",
            expected=f"at most {chosen.limit}",
            where=where,
            remedy=f"set truncate_dim = {chosen.limit}, or whiten to fewer dimensions",
        )
    chosen.check(config, kept)
