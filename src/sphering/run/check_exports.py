"""Refuse exports that cannot work before anything is encoded: by their tables, and by the documents that came in."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from sphering.config.export import ExportConfig
from sphering.config.model import Config
from sphering.export.documents import Documents
from sphering.export.matrix.metadata import keep_columns
from sphering.export.matrix.ordered import held_out_texts
from sphering.export.opening import check_export, open_format
from sphering.run.database import connect
from sphering.run.ingest import staged_documents, staged_of, staged_rows
from sphering.run.workspace import Workspace
from sphering.source.rows import rows_reader
from sphering.sqltext import load

_BLOCK_ROWS = 8192


def check_tables(config: Config, dimension: int) -> None:
    """Refuse [[export]] tables that cannot work, where the exported dimension is known by now.

    Parameters
    ----------
    config : Config
    dimension : int
        The encoder's.

    Raises
    ------
    InputError
        If an [[export]] table cannot work.
    ExtraMissingError
        If a library that it needs is not installed.
    """
    exported = _exported(config, dimension)
    if exported is None:
        return
    for entry in config.export:
        check_export(entry, exported)


def check_documents(workspace: Workspace, dimension: int) -> None:
    """Refuse staged documents that an engine cannot hold, or too few for its index.

    Cost: ids and metadata are read once for each export whose engine has such limits.

    Parameters
    ----------
    workspace : Workspace
        Of a run that has staged its source.
    dimension : int
        The encoder's.

    Raises
    ------
    InputError
        With the document, or with how many are needed.
    """
    config = workspace.config
    for entry in config.export:
        open_format(entry.format).check_documents(entry, _documents(workspace, entry, _exported(config, dimension)))


def _exported(config: Config, dimension: int) -> int | None:
    """Return the dimension of transformed vectors; None where the rank of the covariance decides."""
    transform = config.transform
    if transform.kind == "whiten" and transform.form == "pca" and transform.dimension is None:
        return None
    return transform.dimension or dimension


def _documents(workspace: Workspace, entry: ExportConfig, exported: int | None) -> Documents:
    evaluation, staged = workspace.config.evaluation, staged_of(workspace)
    asked = evaluation is not None and evaluation.queries is not None

    def read() -> Iterator[tuple[pa.Array, pa.Array]]:
        for doc_ids, metadata in _staged(workspace):
            yield doc_ids, keep_columns(metadata, entry.metadata)

    held_out = 0 if asked else held_out_texts(staged.texts)
    return Documents(staged.documents, entry.truncate_dim or exported, held_out, read)


def _staged(workspace: Workspace) -> Iterator[tuple[pa.Array, pa.Array]]:
    with connect(workspace) as connection:
        connection.register("staged_rows", rows_reader(staged_rows(workspace), ["staged_at", "metadata"]))
        path = str(staged_documents(workspace))
        found = connection.sql(load("staged_metadata"), params={"path": path}).to_arrow_reader(_BLOCK_ROWS)
        for batch in found:
            yield batch.column(0).cast(pa.string()), batch.column(1).cast(pa.string())
