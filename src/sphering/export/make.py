"""From a matrix to a published export: written in scratch, created if absent, read back, measured, sealed."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sphering.export.formats import check_export, open_format
from sphering.export.identity import export_table
from sphering.export.ids_file import place
from sphering.export.matrix import EXCLUDED
from sphering.export.protocol import ExportJob, Format
from sphering.export.readback import ReadBack, compare
from sphering.identity import sha256_file
from sphering.store.documents import create_document, read_document
from sphering.store.files import Files
from sphering.store.layout import MANIFEST


def make_export(files: Files, folder_key: str, job: ExportJob) -> dict[str, Any]:
    """Return the manifest of an export, which is made unless it is there.

    Parameters
    ----------
    files : Files
        The store.
    folder_key : str
        The export's folder in the store, named by its id.
    job : ExportJob

    Raises
    ------
    InputError
        If the configuration cannot work; nothing has been published then.
    IntegrityError
        If what was published is not what was meant.
    """
    if files.exists(f"{folder_key}/{MANIFEST}"):
        return read_document(files, f"{folder_key}/{MANIFEST}")
    write(job)
    return publish(files, folder_key, job)


def write(job: ExportJob) -> None:
    """Write the files of an export into the job's local folder, emptied first: a retry starts again.

    Raises
    ------
    InputError
        If the configuration cannot work.
    """
    check_export(job.config, job.matrix.d)
    if job.folder.exists():
        shutil.rmtree(job.folder)
    job.folder.mkdir(parents=True)
    open_format(job.config.format).write(job)
    place(job.matrix.directory / EXCLUDED, job.folder)


def publish(files: Files, folder_key: str, job: ExportJob) -> dict[str, Any]:
    """Create the written files in the store, read them back there, and create the manifest last.

    A file that is there already, of a run that was killed, is adopted: it is read back, measured and hashed in place
    like one of this run.

    Raises
    ------
    IntegrityError
        If the files in place do not hold the matrix.
    """
    names = sorted(path.name for path in job.folder.iterdir())
    for name in names:
        files.create_from(f"{folder_key}/{name}", job.folder / name)
    folder = files.folder(folder_key)
    chosen = open_format(job.config.format)
    found = compare(chosen, folder, job.matrix)
    measured = chosen.measure(job, folder)
    document = _manifest(job, chosen, found) | measured | {"files": _hashes(folder, names)}
    create_document(files, f"{folder_key}/{MANIFEST}", document)
    return read_document(files, f"{folder_key}/{MANIFEST}")


def _manifest(job: ExportJob, chosen: Format, found: ReadBack) -> dict[str, Any]:
    facts = job.matrix.facts
    error = facts.max_norm_error if found.max_norm_error is None else found.max_norm_error
    return {
        "name": job.config.name,
        "format": job.config.format,
        "config": export_table(job.config),
        "n": found.n,
        "d": job.matrix.d,
        "metric": "ip",
        "max_norm_error": error,
        "non_finite": 0,
        "duplicate_vectors": facts.duplicate_vectors,
        "excluded": facts.excluded,
        "libraries": {name: version(name) for name in ("sphering", *chosen.libraries)},
        **job.identity,
    }


def _hashes(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    return {name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)} for name in names}
