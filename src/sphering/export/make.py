"""From a matrix to a published export: written in scratch, tuned, created if absent, read back, measured, sealed."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sphering.export.delta.write import delta_facts, write_delta
from sphering.export.formats.ground_truth import queries
from sphering.export.formats.ids import place
from sphering.export.identity import export_table
from sphering.export.matrix.files import EXCLUDED
from sphering.export.opening import check_export, open_format
from sphering.export.protocol import ExportJob, Format, IndexFormat
from sphering.export.readback import ReadBack, compare
from sphering.export.recall.measure import measure
from sphering.export.recall.trial import open_trial, remove_probe
from sphering.export.recall.tune import chosen, try_settings
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
    try:
        write(job)
        return publish(files, folder_key, job, tune(job))
    finally:
        remove_probe(job)


def write(job: ExportJob) -> None:
    """Write the files of an export into the job's local folder, emptied first: a retry starts again.

    Raises
    ------
    InputError
        If the configuration cannot work, or the engine cannot hold an id or metadata.
    """
    check_export(job.config, job.matrix.d)
    chosen_format = open_format(job.config.format)
    chosen_format.check_documents(job.config, job.documents)
    if job.config.needs_queries:
        queries(job)
    remove_probe(job)
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    chosen_format.write(job)
    write_delta(job, chosen_format)
    place(job.matrix.directory / EXCLUDED, job.folder)


def tune(job: ExportJob) -> list[dict[str, Any]]:
    """Put the fastest settings into a written index that reach the recall that its table wants; return what was tried.

    Where none does, those that find most are put, and the export's gate fails.
    """
    chosen_format, least = open_format(job.config.format), job.config.least_recall
    if least is None or not isinstance(chosen_format, IndexFormat):
        return []
    trial = open_trial(job, job.folder)
    if trial is None or trial.searcher is None:
        return []
    tried = try_settings(trial, chosen_format.ladder(job, trial.searcher), enough=least)
    if tried:
        chosen_format.put_settings(job.folder, chosen(tried, least).settings)
    return [entry.to_json() for entry in tried]


def publish(
    files: Files, folder_key: str, job: ExportJob, tuning: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Create the written files in the store, read them back there, and create the manifest last.

    What is there already, of a run that was killed or that publishes at the same time, is adopted: it is read back,
    measured and hashed in place like files of this run. Some of the files of another build, where they do not go
    together with ours, make room.

    Raises
    ------
    IntegrityError
        If the files in place do not hold the matrix.
    """
    names = sorted(path.name for path in job.folder.iterdir())
    chosen_format = open_format(job.config.format)
    if chosen_format.one_build:
        _remove_half(files, folder_key, job.folder, names)
    files.create_folder(folder_key, job.folder)
    folder = files.folder(folder_key)
    found = compare(chosen_format, folder, job)
    document = {
        **_manifest(job, chosen_format, found),
        "bytes_per_vector": round(chosen_format.vector_bytes(folder) / found.n, 3),
        **chosen_format.facts(job, folder),
        **_recall(job, chosen_format, folder),
        **({"tuning": tuning} if tuning else {}),
        **delta_facts(folder),
        "files": _hashes(folder, names),
    }
    create_document(files, f"{folder_key}/{MANIFEST}", document)
    return read_document(files, f"{folder_key}/{MANIFEST}")


def _remove_half(files: Files, folder_key: str, folder: Path, names: list[str]) -> None:
    """Remove what a killed run left of another build, unless it left all of it; without a manifest it is nobody's."""
    left = [name for name in names if files.exists(f"{folder_key}/{name}")]
    if len(left) == len(names):
        return
    if any(sha256_file(files.path(f"{folder_key}/{name}")) != sha256_file(folder / name) for name in left):
        for name in left:
            files.remove(f"{folder_key}/{name}")


def _manifest(job: ExportJob, chosen_format: Format, found: ReadBack) -> dict[str, Any]:
    facts = job.matrix.facts
    error = facts.max_norm_error if found.max_norm_error is None else found.max_norm_error
    return {
        "name": job.config.name,
        "format": job.config.format,
        "config": export_table(job.config),
        "n": found.n,
        "d": job.rows.d,
        "metric": "ip",
        "approximate": not chosen_format.is_exact(job.config),
        "max_norm_error": error,
        "non_finite": 0,
        "duplicate_vectors": facts.duplicate_vectors,
        "excluded": facts.excluded,
        "libraries": {name: _version(name) for name in ("sphering", *chosen_format.libraries)},
        **job.identity,
    }


def _recall(job: ExportJob, chosen_format: Format, folder: Path) -> dict[str, Any]:
    """Return settings and recall of the files in place; nothing where the format loses nothing."""
    trial = open_trial(job, folder)
    if trial is None:
        return {}
    indexed = isinstance(chosen_format, IndexFormat)
    settings = trial.settings
    if trial.searcher is not None:  # a probe is searched as the files in place are
        trial.searcher.put(settings)
    return {**({"settings": settings} if indexed else {}), **measure(trial, timed=indexed)}


def _version(library: str) -> str | None:
    """Return a distribution's version; None where its module was installed under another name, as FAISS for GPUs is."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _hashes(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    return {name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)} for name in names}
