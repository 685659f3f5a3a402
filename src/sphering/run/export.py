"""Write the release's exports: the transform is applied once, every format reads the same matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sphering.config.model import ExportConfig
from sphering.export.matrix import Matrix, make_matrix
from sphering.export.publish import publish
from sphering.export.write import write
from sphering.progress import current
from sphering.run.evaluate import kept_evaluation
from sphering.run.fit import read_transform
from sphering.run.plan_release import read_plan
from sphering.run.workspace import Workspace, timed

_MATRIX = "matrix"


def missing_exports(workspace: Workspace) -> list[str]:
    """Return the names of the planned exports that the store does not have."""
    files, layout = workspace.corpus.files, workspace.corpus.layout
    planned = read_plan(workspace).exports
    return [name for name, key in planned.items() if not files.exists(f"{layout.export(key)}/manifest.json")]


@timed("matrix")
def prepare_matrix(path: Path) -> None:
    """Apply the transform to the snapshot once, in `doc_id` order, where an export is to be written."""
    workspace = Workspace(path)
    if not missing_exports(workspace):
        return
    corpus = workspace.corpus
    snapshot = corpus.snapshot(workspace.read("snapshot")["snapshot"])
    transform = read_transform(corpus, workspace.read("transform")["transform"])
    progress = current()
    progress.start("export", snapshot.manifest.documents)
    make_matrix(snapshot, transform, workspace.folder(_MATRIX), progress)
    progress.finish("export")


def write_export(path: Path, name: str) -> str:
    """Write, read back and create one export unless it exists; return its id."""
    workspace = Workspace(path)
    key = read_plan(workspace).exports[name]
    if name not in missing_exports(workspace):
        return key
    corpus = workspace.corpus
    snapshot = corpus.snapshot(workspace.read("snapshot")["snapshot"])
    settled = workspace.read("transform")
    transform = read_transform(corpus, settled["transform"])
    scratch = workspace.folder(f"export-{name}")
    identity = {
        "id": key,
        "corpus": corpus.name,
        "encoder": workspace.begun["encoder"],
        "snapshot": snapshot.id,
        "transform": settled["transform"],
        "transform_sha256": settled["sha256"],
    }
    manifest = write(
        _config_of(workspace, name),
        Matrix.open(workspace.folder(_MATRIX)),
        snapshot,
        transform,
        scratch,
        identity=identity,
        queries=_queries(workspace),
    )
    publish(corpus.files, corpus.layout.export(key), scratch, manifest)
    return key


def _config_of(workspace: Workspace, name: str) -> ExportConfig:
    return next(entry for entry in workspace.config.export if entry.name == name)


def _queries(workspace: Workspace) -> NDArray[np.float32] | None:
    evaluation = kept_evaluation(workspace)
    return evaluation.vectors if evaluation else None
