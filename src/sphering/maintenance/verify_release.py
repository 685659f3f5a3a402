"""Whether a release and all that it names is still what it was: transform, report, exports."""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import partial

from sphering.errors import ExtraMissingError, IntegrityError, SpheringError
from sphering.export.matrix.files import EXCLUDED
from sphering.export.verify import verify_export
from sphering.identity import sha256_bytes
from sphering.maintenance.findings import Findings
from sphering.maintenance.marking import is_collected
from sphering.maintenance.verify_snapshot import check_there, verify_snapshot
from sphering.maintenance.verify_sums import check_export_sums
from sphering.run.fit import read_transform
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.layout import MANIFEST
from sphering.store.release import ExportEntry, Release
from sphering.transform.affine import JSON_NAME, TENSORS_NAME


def verify_release(findings: Findings, corpus: CorpusStore, name: str, seen: set[str], withdrawn: Set[str]) -> None:
    """Look at a release and at all that it names.

    Parameters
    ----------
    seen : set of str
        What was looked at before, whoever named it. Grows.
    withdrawn : set of str
        The releases that rollbacks left, of which a collection may have kept release.json alone.
    """
    where = str(corpus.files.path(corpus.layout.release(name)))
    release: Release | None = findings.check("release", name, lambda: _read(corpus, name, where), where)
    if release is None or is_collected(corpus, name, withdrawn):
        return

    def once(kind: str, label: str, token: str, look: Callable[[], object]) -> None:
        if token not in seen:
            seen.add(token)
            findings.check(kind, label, look)

    verify_snapshot(findings, corpus, release.snapshot, seen)
    transform = f"transform {release.transform} {release.transform_sha256}"
    once("transform", release.transform, transform, partial(_check_transform, corpus, release))
    once("report", release.report, f"report {release.report}", partial(_check_report, corpus, release.report))
    for entry in release.exports:
        token = f"export {entry.id} {entry.manifest_sha256}"
        once("export", entry.name, token, partial(_check_export, findings, corpus, release, entry))


def _read(corpus: CorpusStore, name: str, where: str) -> Release:
    check_there(corpus, corpus.layout.release(name))
    release = corpus.release(name)
    if release.id != name:
        raise IntegrityError(f"this is the release {release.id}", where=where)
    return release


def _check_transform(corpus: CorpusStore, release: Release) -> None:
    keys = {name: f"{corpus.layout.transform(release.transform)}/{name}" for name in (JSON_NAME, TENSORS_NAME)}
    for key in keys.values():
        check_there(corpus, key)
    where = {name: str(corpus.files.path(key)) for name, key in keys.items()}
    try:
        transform = read_transform(corpus, release.transform)
    except IntegrityError as error:  # which names the file of a bundle
        raise IntegrityError(error.found, where=where.get(error.where or JSON_NAME, error.where)) from error
    except SpheringError as error:
        raise IntegrityError(f"the transform cannot be read: {error.found}", where=where[JSON_NAME]) from error
    if transform.sha256 != release.transform_sha256:
        raise IntegrityError("the transform is not the one that the release names", where=where[JSON_NAME])


def _check_report(corpus: CorpusStore, name: str) -> None:
    key = corpus.layout.report(name)
    check_there(corpus, key)
    report = read_document(corpus.files, key)
    if report.get("id") != name:
        raise IntegrityError(f"this is the report {report.get('id')}", where=str(corpus.files.path(key)))
    if report["evaluation"] is not None:
        check_there(corpus, corpus.layout.evaluation_manifest(report["evaluation"]["evaluation"]))


def _check_export(findings: Findings, corpus: CorpusStore, release: Release, entry: ExportEntry) -> None:
    check_there(corpus, f"{entry.path}/{MANIFEST}")
    where = str(corpus.files.path(f"{entry.path}/{MANIFEST}"))
    if sha256_bytes(corpus.files.read(f"{entry.path}/{MANIFEST}")) != entry.manifest_sha256:
        raise IntegrityError("the export's manifest is not the one that the release names", where=where)
    try:
        manifest = verify_export(corpus.files, entry.path)
    except ExtraMissingError as error:  # the hashes were checked first
        findings.skip("export", entry.name, error)
        manifest = read_document(corpus.files, f"{entry.path}/{MANIFEST}")
    if not any(findings.has(kind, release.snapshot) for kind in ("snapshot", "content digest")):  # else that says it
        excluded = corpus.files.path(f"{entry.path}/{EXCLUDED}")
        check_export_sums(manifest, excluded, corpus.manifest(release.snapshot), where)
