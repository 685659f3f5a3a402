"""The rows of the catalog's tables, read off a corpus' documents; whatever was collected has none."""

from __future__ import annotations

from sphering.catalog.made_rows import made_rows
from sphering.catalog.release_rows import release_rows
from sphering.catalog.row import Tables
from sphering.catalog.run_rows import run_rows
from sphering.store.corpus import CorpusStore


def collect(corpus: CorpusStore) -> Tables:
    """Return the rows of every table for one corpus, in the order of their ids.

    Cost: every JSON document of the corpus is read once.
    """
    releases = [corpus.release(name) for name in corpus.release_ids()]
    return {**made_rows(corpus, releases), **release_rows(corpus, releases), **run_rows(corpus)}
