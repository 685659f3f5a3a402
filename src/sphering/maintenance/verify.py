"""`sphering verify`: whether every stored byte is still what was written, and everything adds up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sphering.errors import IntegrityError
from sphering.evaluation import keep
from sphering.maintenance.findings import Findings
from sphering.maintenance.verify_refs import read_histories, verify_refs, withdrawn_releases
from sphering.maintenance.verify_release import verify_release
from sphering.maintenance.verify_selected import verify_selected
from sphering.maintenance.verify_snapshot import verify_snapshot
from sphering.maintenance.verify_sums import check_quarantine, check_run_sums
from sphering.maintenance.verify_tombstones import verify_tombstones
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
        fresh = CorpusStore(files, corpus.name)
        if selector is None:
            _look(findings, fresh)
        else:
            verify_selected(findings, fresh, selector)
        findings.wrong = [{**entry, "where": files.named(entry["where"])} for entry in findings.wrong]
    return findings


def _look(findings: Findings, corpus: CorpusStore) -> None:
    seen = set[str]()
    histories = read_histories(corpus)
    withdrawn = withdrawn_releases(histories)
    for snapshot in corpus.snapshot_ids():
        verify_snapshot(findings, corpus, snapshot, seen)
    for name in corpus.release_ids():
        verify_release(findings, corpus, name, seen, withdrawn)
    for name in corpus.files.children(corpus.layout.evaluations):
        _evaluation(findings, corpus, name)
    for name in corpus.files.children(corpus.layout.pins):
        findings.check("pin", name, partial(_check_pin, corpus, f"{corpus.layout.pins}/{name}"))
    records = list(_runs(findings, corpus))
    verify_tombstones(findings, corpus, records)
    verify_refs(findings, corpus, histories, records)


def _evaluation(findings: Findings, corpus: CorpusStore, name: str) -> None:
    key = corpus.layout.evaluation_manifest(name)
    if corpus.files.exists(key):
        findings.check("evaluation", name, partial(keep.check, corpus, name), str(corpus.files.path(key)))


def _check_pin(corpus: CorpusStore, key: str) -> None:
    pin = read_document(corpus.files, key)
    if not {"model", "backend"} <= pin.keys():
        raise IntegrityError("this is not what a backend was settled to", where=str(corpus.files.path(key)))


def _runs(findings: Findings, corpus: CorpusStore) -> Iterator[dict[str, Any]]:
    """Look at each run, and yield the records that are what was written."""
    for run in corpus.files.children(corpus.layout.runs):
        if corpus.files.exists(corpus.layout.run(run)):
            where = str(corpus.files.path(corpus.layout.run(run)))
            record = findings.check("run", run, partial(_read_run, corpus, run, where), where)
            if record is not None:
                findings.look("run", run, partial(_check_run, corpus, record, where), where)
                yield record


def _read_run(corpus: CorpusStore, run: str, where: str) -> dict[str, Any]:
    record = read_document(corpus.files, corpus.layout.run(run))
    if record.get("run") != run:
        raise IntegrityError(f"this is the record of the run {record.get('run')}", where=where)
    if not {"purpose", "status", "config"} <= record.keys():
        raise IntegrityError("this is no run's record", where=where)
    return record


def _check_run(corpus: CorpusStore, record: dict[str, Any], where: str) -> None:
    check_run_sums(record, where)
    check_quarantine(record, corpus.files.path(corpus.layout.quarantine(record["run"])))
