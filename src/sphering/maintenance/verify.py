"""`sphering verify`: whether every stored byte is still what was written, and everything adds up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sphering.errors import IntegrityError, NotFoundError, SpheringError
from sphering.evaluation import keep
from sphering.export.verify import verify_export
from sphering.identity import sha256_bytes, sha256_file
from sphering.maintenance.findings import Findings
from sphering.maintenance.verify_snapshot import verify_snapshot
from sphering.run.fit import read_transform, transform_sha256
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.release import Release


def verify(corpus: CorpusStore, selector: str | None = None) -> Findings:
    """Hash every file again and check rows, schema, vectors, sums and digests.

    What nothing names, such as the files of a run that was killed, is no part of the store and is not looked at.

    Parameters
    ----------
    selector : str, optional
        A release (id, prefix or ref); by default all that the corpus has.
    """
    findings, seen = Findings(), set[str]()
    if selector is not None:
        _release(findings, corpus, corpus.find_release(selector).id, seen)
        return findings
    for snapshot in corpus.snapshot_ids():
        verify_snapshot(findings, corpus, snapshot, seen)
    for name in corpus.release_ids():
        _release(findings, corpus, name, seen)
    for name in corpus.files.children(corpus.layout.evaluations):
        _evaluation(findings, corpus, name)
    for name in corpus.files.children(corpus.layout.pins):
        findings.check("pin", name, partial(read_document, corpus.files, f"{corpus.layout.pins}/{name}"))
    for run in corpus.files.children(corpus.layout.runs):
        if corpus.files.exists(corpus.layout.run(run)):
            findings.check("run", run, partial(_check_run, corpus, run))
    for channel, name in _refs(corpus):
        history = findings.check("ref", f"{channel}/{name}", partial(corpus.refs.history, channel, name))
        if history:  # the releases that it named before may be collected
            findings.check("ref", f"{channel}/{name}", partial(corpus.release, history[-1].release))
    return findings


def _is_collected(corpus: CorpusStore, release: Release) -> bool:
    """Return whether of a withdrawn release only the file is left that says so."""
    withdrawn = any(release.id in corpus.refs.withdrawn(channel) for channel in corpus.refs.channels())
    return withdrawn and not corpus.files.exists(corpus.layout.manifest(release.snapshot))


def _refs(corpus: CorpusStore) -> Iterator[tuple[str, str]]:
    for channel in corpus.refs.channels():
        for name in corpus.files.children(f"{corpus.layout.refs}/{channel}"):
            yield channel, name


def _release(findings: Findings, corpus: CorpusStore, name: str, seen: set[str]) -> None:
    release = findings.check("release", name, lambda: corpus.release(name))
    if release is None or _is_collected(corpus, release):
        return
    verify_snapshot(findings, corpus, release.snapshot, seen)
    findings.check("transform", release.transform, lambda: _check_transform(corpus, release))
    key = corpus.layout.report(release.report)
    findings.check("report", release.report, lambda: read_document(corpus.files, key))
    for entry in release.exports:
        findings.check("export", entry.name, partial(_check_export, corpus, entry.path, entry.manifest_sha256))


def _evaluation(findings: Findings, corpus: CorpusStore, name: str) -> None:
    if corpus.files.exists(f"{corpus.layout.evaluation(name)}/{keep.MANIFEST}"):
        findings.check("evaluation", name, partial(keep.read, corpus, name))


def _check_run(corpus: CorpusStore, run: str) -> None:
    """Check a run's record, and its quarantined rows against the hash in it."""
    expected = read_document(corpus.files, corpus.layout.run(run)).get("quarantine_sha256")
    path = corpus.files.path(corpus.layout.quarantine(run))
    found = sha256_file(path) if path.is_file() else None
    if found != expected:
        what = "missing" if found is None else "not those that were written"
        raise IntegrityError(f"the quarantined rows of this run are {what}", where=str(path))


def _check_transform(corpus: CorpusStore, release: Release) -> None:
    where = str(corpus.files.path(corpus.layout.transform(release.transform)))
    try:
        read_transform(corpus, release.transform)
    except (IntegrityError, NotFoundError):
        raise
    except SpheringError as error:
        raise IntegrityError(f"the transform cannot be read: {error.found}", where=where) from error
    if transform_sha256(corpus, release.transform) != release.transform_sha256:
        raise IntegrityError("the transform is not the one that the release names", where=where)


def _check_export(corpus: CorpusStore, folder: str, manifest_sha256: str) -> None:
    if sha256_bytes(corpus.files.read(f"{folder}/manifest.json")) != manifest_sha256:
        raise IntegrityError("the export's manifest is not the one that the release names", where=folder)
    verify_export(corpus.files, folder)
