"""A search that can be measured: queries, what exact search finds for them, and the index that they are put to.

With queries of an evaluation they are put to the export itself. Else a probe of the same parameters is written without
the texts of smallest hash, and those are its queries: put to an index that holds them they would find themselves.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sphering.export.matrix.ordered import held_out_texts
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob, Format, Searcher, Settings
from sphering.export.recall.truth import Truth

TOO_FEW = "one distinct text: none can be left out to be a query"
VANISHED = "the transform leaves nothing of any query"
_WHOLE = "whole"
_GIVEN = "the evaluation's queries, put to this export"
_DOCUMENTS = "documents as queries, put to this exact index"


@dataclass(frozen=True)
class Trial:
    """An opened search with its truth, or the reason why there is none; `settings` are those of the export itself."""

    method: str
    settings: Settings
    searcher: Searcher | None = None
    truth: Truth | None = None
    reason: str | None = None


def open_trial(job: ExportJob, folder: Path) -> Trial | None:
    """Return the trial of an export whose files lie in a folder; None where nothing is lost by its format.

    The probe, where one is needed, is written beside the job's folder, and stays there until `remove_probe`.
    """
    chosen = open_format(job.config.format)
    own = chosen.searcher(job, folder)
    if own is None:
        return None
    if job.queries is not None and len(job.queries):
        return _trial(job, own, job.queries, _GIVEN, own.settings)
    held_out = job.matrix.held_out()
    queries = _held_out_vectors(job, held_out)
    if chosen.is_exact(job.config):
        return _trial(job, own, queries, _DOCUMENTS, own.settings)
    settings = own.settings
    del own  # an index is held in memory: not two of them
    method = f"a probe of the same parameters without the {len(queries)} texts of smallest hash, its queries"
    if not len(queries) or held_out.all():
        return Trial(method, settings, reason=TOO_FEW)
    probe = job.probe(_probe_folder(job))
    _write_once(chosen, probe)
    return _trial(probe, chosen.searcher(probe, probe.folder), queries, method, settings)


def remove_probe(job: ExportJob) -> None:
    """Remove what the trials of an export wrote."""
    shutil.rmtree(_probe_folder(job), ignore_errors=True)


def _probe_folder(job: ExportJob) -> Path:
    return job.folder.with_name(f"{job.folder.name}-probe")


def _write_once(chosen: Format, probe: ExportJob) -> None:
    """Write a probe unless an earlier trial of the same export has."""
    whole = probe.folder / _WHOLE
    if whole.exists():
        return
    shutil.rmtree(probe.folder, ignore_errors=True)
    probe.folder.mkdir(parents=True)
    chosen.write(probe)
    whole.touch()


def _held_out_vectors(job: ExportJob, held_out: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the raw vectors of the distinct held-out texts, (m, d)."""
    return job.snapshot.sample(held_out_texts(job.snapshot.manifest.texts) if held_out.any() else 0).vectors


def _trial(
    job: ExportJob, searcher: Searcher | None, raw: NDArray[np.float32], method: str, settings: Settings
) -> Trial:
    unit = job.transform.apply(raw)
    kept = unit.any(axis=1)
    if not kept.any():
        return Trial(method, settings, reason=TOO_FEW if not len(raw) else VANISHED)
    return Trial(method, settings, searcher, Truth.of(job.rows, np.ascontiguousarray(raw[kept]), unit[kept]))
