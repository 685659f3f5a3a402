"""Whether one release, or one snapshot, is still what was written."""

from __future__ import annotations

from sphering.errors import IntegrityError, NotFoundError
from sphering.maintenance.findings import Findings
from sphering.maintenance.verify_refs import read_histories, withdrawn_releases
from sphering.maintenance.verify_release import verify_release
from sphering.maintenance.verify_snapshot import verify_snapshot
from sphering.store.corpus import CorpusStore
from sphering.store.refs import NAMES


def verify_selected(findings: Findings, corpus: CorpusStore, selector: str) -> None:
    """Look at what a selector names: a release (id, prefix or ref), or a snapshot.

    What is damaged on the way to it, such as the value of a ref, is a finding.

    Raises
    ------
    NotFoundError
        If nothing goes by that name.
    """
    try:
        release = _release_id(corpus, selector)
        if release is not None:
            verify_release(findings, corpus, release, set(), withdrawn_releases(read_histories(corpus)))
            return
    except IntegrityError as error:
        findings.note("ref" if _is_ref(selector) else "release", selector, error.found, error.where or "")
        if _is_ref(selector):
            return
    verify_snapshot(findings, corpus, _snapshot_id(corpus, selector), set())


def _is_ref(selector: str) -> bool:
    return selector in NAMES or "/" in selector


def _release_id(corpus: CorpusStore, selector: str) -> str | None:
    """Return the id of the release that a selector names, though its file may be damaged or missing.

    Raises
    ------
    IntegrityError
        If the ref, or one of the releases that may be a snapshot's newest, cannot be read.
    """
    if _is_ref(selector):
        channel, _, name = selector.rpartition("/")
        value = corpus.refs.read(channel or "main", name)
        return value.release if value else corpus.find_release(selector).id  # which says that there is none
    try:
        return corpus.release_with(selector) or corpus.find_release(selector).id
    except NotFoundError:
        return None


def _snapshot_id(corpus: CorpusStore, selector: str) -> str:
    # Where there is none, the other way says what is wrong with the selector.
    return corpus.snapshot_with(selector) or corpus.find(selector).manifest.id
