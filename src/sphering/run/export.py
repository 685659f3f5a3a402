"""Write the release's exports: the transform is applied once, every format reads the same matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sphering.export.make import make_export
from sphering.export.matrix.assemble import make_matrix
from sphering.export.protocol import ExportJob
from sphering.progress import current
from sphering.run.database import tonights_snapshot
from sphering.run.delta_base import delta_base
from sphering.run.evaluate import kept_evaluation
from sphering.run.fit import read_transform
from sphering.run.plan_release import read_plan
from sphering.run.workspace import Workspace, timed
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

_MATRIX = "matrix"


def missing_exports(workspace: Workspace) -> list[str]:
    """Return the names of the planned exports that the store does not have."""
    files, layout = workspace.corpus.files, workspace.corpus.layout
    planned = read_plan(workspace).exports
    return [name for name, key in planned.items() if not files.exists(layout.export_manifest(key))]


@timed("matrix")
def prepare_matrix(path: Path) -> None:
    """Apply the transform to the snapshot once, in `doc_id` order, where an export is to be written."""
    workspace = Workspace(path)
    if not missing_exports(workspace):
        return
    snapshot, transform = _inputs(workspace)
    progress = current()
    progress.start("export", snapshot.manifest.documents)
    make_matrix(snapshot, transform, workspace.path / _MATRIX, memory=workspace.config.run.memory)
    progress.finish("export")


def write_export(path: Path, name: str) -> str:
    """Write, create, read back and measure one export unless it exists; return its id."""
    workspace = Workspace(path)
    key = read_plan(workspace).exports[name]
    if name not in missing_exports(workspace):
        return key
    corpus, settled = workspace.corpus, workspace.read("transform")
    snapshot, transform = _inputs(workspace)
    config = next(entry for entry in workspace.config.export if entry.name == name)
    job = ExportJob(
        config=config,
        matrix=make_matrix(snapshot, transform, workspace.path / _MATRIX, memory=workspace.config.run.memory),
        snapshot=snapshot,
        transform=transform,
        folder=workspace.path / f"export-{name}",
        identity={
            "id": key,
            "corpus": corpus.name,
            "encoder": workspace.begun["encoder"],
            "snapshot": snapshot.id,
            "transform": settled["transform"],
            "transform_sha256": settled["sha256"],
        },
        queries=_queries(workspace),
        memory=workspace.config.run.memory,
        base=delta_base(corpus, config, read_plan(workspace).base, settled["sha256"]) if config.holds_delta else None,
    )
    make_export(corpus.files, corpus.layout.export(key), job)
    return key


def _inputs(workspace: Workspace) -> tuple[Snapshot, Transform]:
    return tonights_snapshot(workspace), read_transform(workspace.corpus, workspace.read("transform")["transform"])


def _queries(workspace: Workspace) -> NDArray[np.float32] | None:
    evaluation = kept_evaluation(workspace)
    return evaluation.query_vectors if evaluation else None
