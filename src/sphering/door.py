"""The small Python door: `sphering.open(store).corpus(name).release("published")`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sphering.store.corpus import CorpusStore
from sphering.store.release import Release
from sphering.store.snapshot import Snapshot
from sphering.store.store import Store

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from sphering.bundle.query import Bundle


class ReleaseDoor:
    """One release, for reading.

    Attributes
    ----------
    release : Release
        The content of release.json.
    snapshot : Snapshot
        The reader of its documents.
    """

    def __init__(self, corpus: CorpusStore, release: Release) -> None:
        self._corpus = corpus
        self.release = release
        self.snapshot: Snapshot = corpus.snapshot(release.snapshot)

    def scan(self) -> pl.LazyFrame:
        """Return a Polars LazyFrame over the documents, without dropped rows."""
        return self.snapshot.scan()

    def vectors(self, rows: int = 8192) -> Iterator[pa.RecordBatch]:
        """Yield Arrow batches of doc_id and the raw embedding, at most `rows` rows each."""
        return self.snapshot.batches(["doc_id", "embedding"], rows)

    def bundle(self) -> Bundle:
        """Return the query side: encoder, prompt, transform and normalisation. Opens the model."""
        from sphering.run.search import open_bundle

        return open_bundle(self._corpus, self.release)


class CorpusDoor:
    """One corpus of an opened store."""

    def __init__(self, corpus: CorpusStore) -> None:
        self._corpus = corpus

    def release(self, selector: str = "published") -> ReleaseDoor:
        """Return a release by ref, id or unique prefix.

        Raises
        ------
        NotFoundError
            If there is none of that name.
        """
        return ReleaseDoor(self._corpus, self._corpus.find_release(selector))


class StoreDoor:
    """An opened store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def corpora(self) -> list[str]:
        """Return the names of its corpora."""
        return self._store.corpora()

    def corpus(self, name: str) -> CorpusDoor:
        """Return one corpus.

        Raises
        ------
        NotFoundError
            If the store has none of that name.
        """
        from sphering.errors import NotFoundError

        if name not in self._store.corpora():
            raise NotFoundError(
                f"the store has no corpus {name!r}",
                expected=", ".join(self._store.corpora()),
                where=self._store.files.where(),
            )
        return CorpusDoor(self._store.corpus(name))


def open_store(path: str | Path) -> StoreDoor:
    """Open a store for reading.

    Raises
    ------
    NotFoundError
        If there is no store at that path.
    """
    return StoreDoor(Store.open(path))
