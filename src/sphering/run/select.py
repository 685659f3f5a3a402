"""For `fit` and `export`: take the snapshot of an existing release instead of reading the source."""

from __future__ import annotations

from pathlib import Path

from sphering.run.commit import Committed
from sphering.run.workspace import Workspace


def select_snapshot(path: Path) -> Committed:
    """Make the selected release's snapshot the one that this run works on."""
    workspace = Workspace(path)
    corpus = workspace.corpus
    manifest = corpus.manifest(corpus.release(workspace.begun["selected"]).snapshot)
    workspace.write("snapshot", {"snapshot": manifest.id, "status": "unchanged", "documents": manifest.documents})
    return Committed(manifest.id, "unchanged", manifest.documents)
