"""Name the release before it is made, so that what exists is not made again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sphering.bundle.identity import bundle_document
from sphering.config.model import Config, GateConfig
from sphering.errors import IntegrityError
from sphering.export.identity import export_id
from sphering.gate.defaults import release_gates
from sphering.report.identity import report_id
from sphering.run.evaluate import evaluated_queries
from sphering.run.workspace import Workspace
from sphering.store.corpus import CorpusStore
from sphering.store.release import release_id


@dataclass(frozen=True)
class Planned:
    """The ids of a release and its parts; `exists` where nothing more is to be made.

    `status` is `unchanged` where the release is the base, also if a lost part of it is made again, else `exists` or
    `new`.
    """

    release: str
    report: str
    exports: dict[str, str]
    bundle: str
    bundle_document: dict[str, Any]
    base: str | None
    exists: bool
    status: str


def plan_release(path: Path) -> Planned:
    """Compute the ids of tonight's release; the base's own base is tried first, which tells an unchanged night.

    Raises
    ------
    IntegrityError
        If a report is to be made whose changes are measured against what the store has lost.
    """
    workspace = Workspace(path)
    base = workspace.begun["base"]
    planned = None
    if base is not None:
        again = _planned(workspace, workspace.corpus.release(base).base)
        if again.release == base:
            planned = _with(again, exists=_is_whole(workspace.corpus, again), status="unchanged")
    if planned is None:
        planned = _planned(workspace, base)
        if _is_whole(workspace.corpus, planned):
            planned = _with(planned, exists=True, status="exists")
    _check_base(workspace.corpus, planned)
    workspace.write("release", asdict(planned))
    return planned


def _check_base(corpus: CorpusStore, planned: Planned) -> None:
    """Refuse to make a report where the base of its changes has none, before an export is made for nothing."""
    files, layout = corpus.files, corpus.layout
    if planned.base is None or files.exists(layout.report(planned.report)):
        return
    key = layout.release(planned.base)
    if files.exists(key):
        key = layout.report(corpus.release(planned.base).report)
    if not files.exists(key):
        raise IntegrityError(
            f"the report {planned.report} cannot be made: the release {planned.base}, against which it measures what "
            "changed, is not whole",
            expected="that release with its report",
            where=files.where(key),
            remedy=f"copy this file back from a backup, or reports/{planned.report}/report.json if it was lost as well",
        )


def _is_whole(corpus: CorpusStore, planned: Planned) -> bool:
    """Return whether a release is there with its parts; of a withdrawn one a collection keeps release.json alone."""
    layout = corpus.layout
    exports = [layout.export_manifest(name) for name in planned.exports.values()]
    return all(map(corpus.files.exists, [layout.release(planned.release), layout.report(planned.report), *exports]))


def read_plan(workspace: Workspace) -> Planned:
    """Return what `plan_release` left."""
    return Planned(**workspace.read("release"))


def _planned(workspace: Workspace, base: str | None) -> Planned:
    config = workspace.config
    snapshot = workspace.read("snapshot")["snapshot"]
    transform = workspace.read("transform")
    evaluation = workspace.read("evaluation")["evaluation"]
    sha256 = transform["sha256"]
    report = report_id(config.report, snapshot, sha256, evaluation, base, config.source.labels)
    queries = evaluated_queries(workspace)
    exports = {
        entry.name: export_id(entry, snapshot, sha256, queries, base if entry.holds_delta else None)
        for entry in config.export
    }
    document = bundle_document(workspace.begun["encoder"], config.encoder.query_prompt, config.normalise, sha256)
    bundle = str(document["id"])
    release = release_id(
        snapshot=snapshot,
        transform=transform["transform"],
        report=report,
        exports=sorted(exports.values()),
        bundle=bundle,
        gates=[gate.model_dump(mode="json") for gate in configured_gates(config)],
        base=base,
    )
    return Planned(release, report, exports, bundle, document, base, exists=False, status="new")


def configured_gates(config: Config) -> tuple[GateConfig, ...]:
    """Return the gates that a release of a configuration is judged by."""
    recall = {entry.name: entry.least_recall for entry in config.export if entry.has_recall}
    return release_gates(config.gate, sorted(entry.name for entry in config.export), recall)


def _with(planned: Planned, *, exists: bool, status: str) -> Planned:
    return Planned(**{**asdict(planned), "exists": exists, "status": status})
