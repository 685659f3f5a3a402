"""Read the source into the workspace, account for every row, and judge the run's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from sphering.gate.defaults import run_gates
from sphering.gate.judge import judge
from sphering.progress import current
from sphering.run.carry import carried_documents
from sphering.run.chunking import open_chunker
from sphering.run.empty_corpus import empty_corpus
from sphering.run.workspace import Workspace, timed
from sphering.source.stage import stage
from sphering.source.staged import DOCUMENTS_FILE, QUARANTINE_FILE, ROWS_FILE, Staged
from sphering.sqltext import load, quote_literal
from sphering.store.release import GateResult

STAGE = "stage"


@dataclass(frozen=True)
class Ingested:
    """What came in; `passed` is false where a gate on the run's own numbers failed.

    Of the `documents`, `carried` are left as they were by an upsert, which removes `deleted` ids; the others are
    tonight's source documents, or their `chunks` where those are cut (else None).
    """

    rows_read: int
    source_documents: int
    chunks: int | None
    documents: int
    carried: int
    deleted: int
    quarantined: int
    duplicates: int
    gates: tuple[GateResult, ...]
    passed: bool


@timed("ingest")
def ingest(path: Path) -> Ingested:
    """Stage the source's documents and judge the gates on the run's own numbers, before anything is encoded.

    Raises
    ------
    EmptyCorpusError
        If no document is left.
    ConfigError
        If an upsert cannot start from the documents of `latest` under this configuration.
    """
    workspace = Workspace(path)
    config = workspace.config
    chunker = open_chunker(config)
    progress = current()
    progress.start("ingest")
    staged = stage(
        config,
        workspace.folder(STAGE),
        progress,
        base=Path(config.base),
        carried=carried_documents(workspace, None if chunker is None else chunker.document),
        purged=workspace.corpus.purged(),
        chunker=chunker,
    )
    progress.finish("ingest")
    if staged.documents == 0:
        workspace.write("ingest", {"passed": False, "gates": []})  # for the record of the failed run
        raise empty_corpus(config, staged, workspace.folder(STAGE) / QUARANTINE_FILE)
    gates, passed = judge_run(workspace)
    return Ingested(
        rows_read=staged.rows_read,
        source_documents=staged.source_documents,
        chunks=staged.chunks,
        documents=staged.documents,
        carried=staged.carried,
        deleted=staged.deleted,
        quarantined=staged.quarantined,
        duplicates=staged.duplicates,
        gates=gates,
        passed=passed,
    )


def judge_run(workspace: Workspace, refused: int = 0) -> tuple[tuple[GateResult, ...], bool]:
    """Judge the gates on the run's own numbers; return their results, and whether they let the run go on.

    Parameters
    ----------
    workspace : Workspace
        Of a run that has staged its source.
    refused : int, default 0
        Staged documents for whose text the encoder gave no usable vector: they are quarantined as well.
    """
    gates = judge(run_gates(workspace.config.gate), _run_numbers(workspace, refused))
    passed = all(gate.passed or gate.severity == "warn" for gate in gates)
    workspace.write("ingest", {"passed": passed, "gates": [gate.to_json() for gate in gates]})
    return gates, passed


def _run_numbers(workspace: Workspace, refused: int) -> dict[str, float | None]:
    staged = staged_of(workspace)
    rows, documents, quarantined = max(staged.rows_read, 1), staged.documents - refused, staged.quarantined + refused
    # One chunk of a thousand is no row of ten.
    encoded = rows if staged.chunks is None else max(staged.chunks, 1)
    return {
        "rows_read": staged.rows_read,
        "source_documents": staged.source_documents,
        "documents": documents,
        "quarantined": quarantined,
        "quarantined_share": staged.quarantined / rows + refused / encoded,
        "duplicates": staged.duplicates,
        "duplicates_share": staged.duplicates / rows,
        "carried": staged.carried,
        "deleted": staged.deleted,
        "documents_change": _documents_change(workspace, documents),
    }


def _documents_change(workspace: Workspace, documents: int) -> float | None:
    base = workspace.begun["base"]
    if base is None:
        return None
    before = workspace.corpus.manifest(workspace.corpus.release(base).snapshot).documents
    return documents / before - 1


def staged_of(workspace: Workspace) -> Staged:
    """Return what `ingest` staged."""
    return Staged.load(workspace.folder(STAGE))


def staged_rows(workspace: Workspace) -> Path:
    """Return the file of staged rows, of which documents say by position which are theirs."""
    return workspace.folder(STAGE) / ROWS_FILE


def staged_documents(workspace: Workspace) -> Path:
    """Return the Parquet file of staged documents, without their texts."""
    return workspace.folder(STAGE) / DOCUMENTS_FILE


def register_staged(connection: Any, workspace: Workspace) -> None:
    """Give SQL the view `staged`, the documents without their texts."""
    path = quote_literal(str(staged_documents(workspace)))  # a view binds no parameter
    connection.execute(load("units_staged").replace("$path", path))


def refused_texts(workspace: Workspace, encoder: str) -> set[bytes]:
    """Return the hashes of texts that this encoder refused in earlier runs, from their quarantine files."""
    corpus = workspace.corpus
    refused: set[bytes] = set()
    # One listing: to ask an object store for each run's file would take a second for every fifty nights.
    files = {corpus.layout.quarantine(run) for run in corpus.files.children(corpus.layout.runs)}
    for key in files.intersection(corpus.files.walk(corpus.layout.runs)):
        table = pq.read_table(corpus.files.path(key), columns=["text_hash", "encoder"])
        table = table.filter(pc.equal(table["encoder"], encoder))
        refused.update(value for value in table["text_hash"].to_pylist() if value is not None)
    return refused
