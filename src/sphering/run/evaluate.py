"""Encode the evaluation's queries once and keep them."""

from __future__ import annotations

from pathlib import Path

from sphering.encoder.protocol import Encoder
from sphering.evaluation.keep import Evaluation, evaluation_id, keep, read
from sphering.run.embed import opened_encoder
from sphering.run.workspace import Workspace, timed


@timed("evaluate")
def evaluate(path: Path) -> str | None:
    """Keep the configured evaluation with its query vectors; return its id, or None where there is none."""
    workspace = Workspace(path)
    config = workspace.config
    if config.evaluation is None:
        workspace.write("evaluation", {"evaluation": None})
        return None
    name = evaluation_id(config, workspace.begun["encoder"])

    def encoder() -> Encoder:
        return opened_encoder(workspace)

    keep(workspace.corpus, config, name, encoder)
    workspace.write("evaluation", {"evaluation": name})
    return name


def kept_evaluation(workspace: Workspace) -> Evaluation | None:
    """Return the evaluation of this run, or None."""
    name = workspace.read("evaluation")["evaluation"]
    return read(workspace.corpus, name) if name else None
