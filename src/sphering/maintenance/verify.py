"""`sphering verify`: whether every stored byte is still what was written, and everything adds up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sphering.errors import IntegrityError, NotFoundError
from sphering.evaluation import keep
from sphering.maintenance.findings import Findings
from sphering.maintenance.verify_release import verify_release
from sphering.maintenance.verify_snapshot import verify_snapshot
from sphering.maintenance.verify_sums import check_quarantine, check_run_sums
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document


def verify(corpus: CorpusStore, selector: str | None = None) -> Findings:
    """Hash every file again and check rows, schema, vectors, sums and digests.

    What nothing names, such as the files of a run that was killed, is no part of the store and is not looked at.
    Cost: each file is hashed once and each vector read once, whatever number of snapshots and releases name it.

    Parameters
    ----------
    selector : str, optional
        A release (id, prefix or ref), or a snapshot; by default all that the corpus has.

    Raises
    ------
    NotFoundError
        If nothing goes by that name.
    """
    findings = Findings()
    with corpus.files.fresh() as files:  # a mirror's bytes may be sound where the store's are not
        _look(findings, CorpusStore(files, corpus.name), selector)
        findings.wrong = [{**entry, "where": files.named(entry["where"])} for entry in findings.wrong]
    return findings


def _look(findings: Findings, corpus: CorpusStore, selector: str | None) -> None:
    seen = set[str]()
    if selector is not None:
        _selected(findings, corpus, selector, seen)
        return
    for snapshot in corpus.snapshot_ids():
        verify_snapshot(findings, corpus, snapshot, seen)
    for name in corpus.release_ids():
        verify_release(findings, corpus, name, seen)
    for name in corpus.files.children(corpus.layout.evaluations):
        _evaluation(findings, corpus, name)
    for name in corpus.files.children(corpus.layout.pins):
        findings.check("pin", name, partial(read_document, corpus.files, f"{corpus.layout.pins}/{name}"))
    for name in corpus.files.children(corpus.layout.tombstones):
        key = f"{corpus.layout.tombstones}/{name}"
        findings.check("tombstone", name, partial(read_document, corpus.files, key))
    for run in corpus.files.children(corpus.layout.runs):
        if corpus.files.exists(corpus.layout.run(run)):
            where = str(corpus.files.path(corpus.layout.run(run)))
            findings.check("run", run, partial(_check_run, corpus, run, where), where)
    for channel, name in _refs(corpus):
        where = str(corpus.files.path(corpus.layout.ref(channel, name)))
        findings.check("ref", f"{channel}/{name}", partial(_check_ref, corpus, channel, name, where), where)


def _selected(findings: Findings, corpus: CorpusStore, selector: str, seen: set[str]) -> None:
    try:
        release = corpus.find_release(selector)
    except NotFoundError:
        verify_snapshot(findings, corpus, corpus.find(selector).manifest.id, seen)
    else:
        verify_release(findings, corpus, release.id, seen)


def _refs(corpus: CorpusStore) -> Iterator[tuple[str, str]]:
    for channel in corpus.refs.channels():
        for name in corpus.files.children(f"{corpus.layout.refs}/{channel}"):
            yield channel, name


def _evaluation(findings: Findings, corpus: CorpusStore, name: str) -> None:
    key = f"{corpus.layout.evaluation(name)}/{keep.MANIFEST}"
    if corpus.files.exists(key):
        findings.check("evaluation", name, partial(keep.read, corpus, name), str(corpus.files.path(key)))


def _check_run(corpus: CorpusStore, run: str, where: str) -> None:
    record = read_document(corpus.files, corpus.layout.run(run))
    if record["run"] != run:
        raise IntegrityError(f"this is the record of the run {record['run']}", where=where)
    check_run_sums(record, where)
    check_quarantine(record, corpus.files.path(corpus.layout.quarantine(run)))


def _check_ref(corpus: CorpusStore, channel: str, name: str, where: str) -> None:
    """Check that a ref's history has no gap, and that its value is there; the releases before may be collected."""
    history = corpus.refs.history(channel, name)
    numbers = [value.number for value in history]
    if numbers != list(range(1, len(history) + 1)):
        raise IntegrityError(f"the values of this ref are numbered {numbers}, not 1 to {len(history)}", where=where)
    if history:
        corpus.release(history[-1].release)
