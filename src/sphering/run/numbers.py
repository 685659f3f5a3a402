"""The numbers that a release's gates judge: tonight's, and how they changed since the base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.gate.changes import changes
from sphering.gate.numbers import Numbers, release_numbers
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document


def judged_numbers(
    corpus: CorpusStore, report: Mapping[str, Any], exports: Mapping[str, Mapping[str, Any]], base: str | None
) -> Numbers:
    """Return every number that a gate of a release may bound, by its name.

    Parameters
    ----------
    corpus : CorpusStore
    report : mapping
        Tonight's report.json.
    exports : mapping
        The manifest of each of tonight's exports, by its name.
    base : str or None
        The release that changes are measured against; what it lacks in the store has no change.
    """
    tonight = release_numbers(report, exports)
    return {**tonight, **changes(tonight, {} if base is None else _numbers_of(corpus, base))}


def _numbers_of(corpus: CorpusStore, name: str) -> Numbers:
    release = corpus.release(name)
    if not corpus.files.exists(corpus.layout.report(release.report)):
        return {}
    manifests = {entry.name: corpus.layout.export_manifest(entry.id) for entry in release.exports}
    exports = {name: read_document(corpus.files, key) for name, key in manifests.items() if corpus.files.exists(key)}
    return release_numbers(read_document(corpus.files, corpus.layout.report(release.report)), exports)
