"""Measure the geometry of the snapshot, raw and transformed, and keep the numbers."""

from __future__ import annotations

from pathlib import Path

from sphering.evaluation.kind import Ground
from sphering.evaluation.measure import evaluation_metrics
from sphering.progress import current
from sphering.report.changes import Base
from sphering.report.numbers import measure
from sphering.report.spaces import KnownMoments
from sphering.run.database import tonights_snapshot
from sphering.run.evaluate import kept_evaluation
from sphering.run.fit import read_transform
from sphering.run.moments import raw_moments, transformed_moments
from sphering.run.plan_release import read_plan
from sphering.run.workspace import Workspace, timed
from sphering.store.documents import create_document, read_document


@timed("report")
def write_report(path: Path) -> str:
    """Create report.json unless it exists; return the report's id."""
    workspace = Workspace(path)
    corpus = workspace.corpus
    planned = read_plan(workspace)
    key = corpus.layout.report(planned.report)
    if corpus.files.exists(key):
        return planned.report
    progress = current()
    progress.start("report")
    snapshot = tonights_snapshot(workspace)
    transform = read_transform(corpus, workspace.read("transform")["transform"])
    evaluation, asked = kept_evaluation(workspace), workspace.config.report
    ground = Ground(snapshot, transform, asked.sample, asked.seed)
    numbers = measure(
        snapshot,
        transform,
        asked,
        labels=workspace.config.source.labels,
        base=_base(workspace, planned.base),
        evaluation=evaluation_metrics(evaluation, ground) if evaluation else None,
        moments=KnownMoments(
            raw_moments(workspace),
            transformed_moments(workspace, transform),
            raw_moments(workspace, transform.parameters["weights"]),
        ),
    )
    create_document(corpus.files, key, {"id": planned.report, **numbers})
    progress.finish("report")
    return planned.report


def _base(workspace: Workspace, base: str | None) -> Base | None:
    """Return what changes are measured against."""
    if base is None:
        return None
    corpus = workspace.corpus
    release = corpus.release(base)
    report = read_document(corpus.files, corpus.layout.report(release.report))
    return Base(base, corpus.snapshot(release.snapshot), report)
