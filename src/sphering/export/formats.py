"""The formats by name; each is imported when it is used."""

from __future__ import annotations

from importlib import import_module

from sphering.config.model import ExportConfig
from sphering.errors import InputError
from sphering.export.protocol import Format

FORMATS = {
    "npy": "sphering.export.npy_file",
    "parquet": "sphering.export.parquet_file",
    "fbin": "sphering.export.fbin_file",
    "duckdb": "sphering.export.duckdb_file",
    "faiss": "sphering.export.faiss_index",
}


def open_format(name: str) -> Format:
    """Return the format of a name: the object FORMAT of its module.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in FORMATS:
        raise InputError(f"there is no export format {name!r}", expected=", ".join(FORMATS))
    found: Format = import_module(FORMATS[name]).FORMAT
    return found


def check_export(config: ExportConfig, dimension: int) -> None:
    """Refuse an [[export]] table that cannot work, or has a key that its format does not read.

    Parameters
    ----------
    config : ExportConfig
    dimension : int
        Of the exported vectors, after the transform.

    Raises
    ------
    InputError
        Before anything is written.
    """
    chosen = open_format(config.format)
    useless = sorted(config.model_fields_set - {"name", "format"} - chosen.options)
    if useless:
        raise InputError(
            f"the export {config.name!r} sets {', '.join(useless)}, which the format {config.format!r} does not read",
            expected=", ".join(sorted(chosen.options)) or "name and format alone",
            where=f"[[export]] {config.name}",
            remedy="remove it, or choose another format",
        )
    chosen.check(config, dimension)
