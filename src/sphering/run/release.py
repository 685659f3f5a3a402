"""Judge the gates, commit the release, move the refs that may move, and bring pages up to date."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sphering.errors import IntegrityError, RefMovedError
from sphering.gate.judge import judge
from sphering.identity import sha256_bytes
from sphering.run import lease
from sphering.run.begin import PUBLISHING
from sphering.run.numbers import judged_numbers
from sphering.run.page import leave_page, render_page
from sphering.run.plan_release import configured_gates, read_plan
from sphering.run.workspace import Workspace, timed
from sphering.store.clock import now
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.layout import MANIFEST
from sphering.store.refs import LATEST, NAMES, PUBLISHED, Reason, RefValue
from sphering.store.release import ExportEntry, Release

OF_THIS_MACHINE = {"device"}
"""What of [encoder] does not travel to where queries are encoded."""


@timed("release")
def commit_release(path: Path) -> str:
    """Judge the release's gates and create release.json unless it exists; return the release's id.

    Raises
    ------
    IntegrityError
        If the release exists, and an export that was made for it tonight is not the one that it was committed with.
    """
    workspace = Workspace(path)
    corpus, planned = workspace.corpus, read_plan(workspace)
    if corpus.files.exists(corpus.layout.release(planned.release)):
        for entry in corpus.release(planned.release).exports:
            committed_manifest(corpus, entry)
        return planned.release
    lease.check(workspace)
    _create(workspace, corpus)
    return planned.release


def committed_manifest(corpus: CorpusStore, entry: ExportEntry) -> dict[str, Any]:
    """Return the manifest of an export of a release, which must be the one that the release was committed with.

    One that was lost was made again: an index that other libraries built, or another machine, is another one.

    Raises
    ------
    IntegrityError
        If it is not.
    """
    key = f"{entry.path}/{MANIFEST}"
    if sha256_bytes(corpus.files.read(key)) != entry.manifest_sha256:
        raise IntegrityError(
            f"the export {entry.name!r} is not the one that its release was committed with",
            expected=f"a manifest of SHA-256 {entry.manifest_sha256[:16]}…",
            where=corpus.files.where(key),
            remedy="put this folder back from a backup; without one, give the export another name in its [[export]] "
            "table, and the next run makes a new release",
        )
    return read_document(corpus.files, key)


def export_manifests(corpus: CorpusStore, exports: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the manifest of each export by its name."""
    return {name: read_document(corpus.files, corpus.layout.export_manifest(key)) for name, key in exports.items()}


def publish(path: Path) -> str:
    """Move `latest`, and `published` where the gates passed; render the page; return the release's status.

    Raises
    ------
    RefMovedError
        If a ref moved since the run began.
    """
    workspace = Workspace(path)
    corpus, planned = workspace.corpus, read_plan(workspace)
    release = corpus.release(planned.release)
    lease.check(workspace)
    _check_still(workspace)
    withdrawn = corpus.is_withdrawn(workspace.config.run.channel, release)
    # `latest` first: a run that is killed between the two is followed by one that starts from what it ended in.
    _move(workspace, LATEST, release, f"{workspace.begun['purpose']} ended in it")
    if workspace.begun["purpose"] in PUBLISHING and release.passed and not withdrawn:
        _move(workspace, PUBLISHED, release, "gates passed")
    published = corpus.refs.read(workspace.config.run.channel, PUBLISHED)
    status = _status(release, published, planned.status, withdrawn=withdrawn)
    if status != "unchanged" or not corpus.files.exists(corpus.layout.page(release.id)):
        render_page(corpus, release)
    for left in sorted({workspace.begun[name]["release"] for name in NAMES if workspace.begun[name]} - {release.id}):
        leave_page(corpus, left)
    workspace.write("published", {"status": status})
    return status


def _check_still(workspace: Workspace) -> None:
    """Refuse before either ref moves where one has moved: half a publication would look like an unchanged night."""
    channel = workspace.config.run.channel
    for name in (PUBLISHED, LATEST):
        now_at, before = workspace.corpus.refs.read(channel, name), workspace.begun[name]
        if now_at is not None and now_at.run == workspace.run:  # by this step, before it lost the store
            continue
        if (now_at.number if now_at else 0) != (before["number"] if before else 0):
            raise RefMovedError(
                f"the ref {channel}/{name} moved since this run began",
                expected=f"its value number {before['number'] if before else 0}",
                remedy="run again: the new run starts from the new value",
            )


def _status(release: Release, published: RefValue | None, planned: str, *, withdrawn: bool) -> str:
    if planned == "unchanged":
        return "unchanged"
    if published is not None and published.release == release.id:
        return "published"
    if withdrawn:
        return "withdrawn"
    return "held" if not release.passed else "latest"


def _move(workspace: Workspace, name: str, release: Release, why: str) -> None:
    before = workspace.begun[name]
    expected = RefValue(**before) if before else None
    now_at = workspace.corpus.refs.read(workspace.config.run.channel, name)
    if any(value is not None and value.release == release.id for value in (expected, now_at)):
        return
    workspace.corpus.refs.move(
        workspace.config.run.channel,
        name,
        release.id,
        expected=expected,
        reason=Reason(getpass.getuser(), why, workspace.run),
    )


def _create(workspace: Workspace, corpus: CorpusStore) -> None:
    planned, settled = read_plan(workspace), workspace.read("transform")
    snapshot = workspace.read("snapshot")["snapshot"]
    report = read_document(corpus.files, corpus.layout.report(planned.report))
    manifests = export_manifests(corpus, planned.exports)
    numbers = judged_numbers(corpus, report, manifests, planned.base)
    corpus.create_release(
        Release(
            id=planned.release,
            corpus=corpus.name,
            encoder=workspace.begun["encoder"],
            snapshot=snapshot,
            transform=settled["transform"],
            transform_sha256=settled["sha256"],
            report=planned.report,
            bundle=planned.bundle,
            bundle_document=planned.bundle_document,
            encoder_config=workspace.config.encoder.model_dump(mode="json", exclude=OF_THIS_MACHINE),
            exports=tuple(_entry(corpus, name, planned.exports[name], manifests[name]) for name in sorted(manifests)),
            gates=judge(configured_gates(workspace.config), numbers),
            base=planned.base,
            created_at=now(),
            run=workspace.run,
        )
    )


def _entry(corpus: CorpusStore, name: str, key: str, manifest: Mapping[str, Any]) -> ExportEntry:
    folder = corpus.layout.export(key)
    sealed = sha256_bytes(corpus.files.read(f"{folder}/{MANIFEST}"))
    return ExportEntry(name, str(manifest["format"]), key, folder, sealed, dict(manifest["config"]))
