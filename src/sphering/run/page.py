"""The pages of releases: rendered from what the store keeps, and kept only where somebody looks for them."""

from __future__ import annotations

from pathlib import Path

from sphering.export.facts import export_facts
from sphering.report.page.render import render
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.refs import PUBLISHED
from sphering.store.release import Release


def render_page(corpus: CorpusStore, release: Release) -> Path:
    """Render a release's report.html as it stands now; it is derived, and may be rendered again."""
    report = read_document(corpus.files, corpus.layout.report(release.report))
    exports = [export_facts(corpus, entry) for entry in release.exports]
    document = {**release.to_json(), "exports": exports, "status": _standing(corpus, release)}
    key = corpus.layout.page(release.id)
    corpus.files.replace(key, render(report, document).encode())
    return corpus.files.path(key)


def leave_page(corpus: CorpusStore, release: str) -> None:
    """Render the page of a release that a ref has left as it stands now, or remove it where no ref names the release.

    A page has its plotting library inside: 0.7 MB, ten times the numbers that it shows. One that says why a release was
    withdrawn stays.
    """
    if release in corpus.refs.named() or release in corpus.refs.all_withdrawn():
        render_page(corpus, corpus.release(release))
    else:
        corpus.files.remove(corpus.layout.page(release))


def _standing(corpus: CorpusStore, release: Release) -> str:
    """Return `published` where a channel's consumers get the release, else `held`, `withdrawn` or `latest`."""
    values = (corpus.refs.read(channel, PUBLISHED) for channel in corpus.refs.channels())
    if any(value is not None and value.release == release.id for value in values):
        return "published"
    if release.id in corpus.refs.all_withdrawn():
        return "withdrawn"
    return "latest" if release.passed else "held"
