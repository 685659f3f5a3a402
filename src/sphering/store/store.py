"""A store: a directory of corpora, readable with nothing but a Parquet reader."""

from __future__ import annotations

from pathlib import Path

from sphering.errors import FormatError, NotFoundError
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document
from sphering.store.files import TEMPORARY_FOLDER, TEMPORARY_SUFFIX, LocalFiles

FORMAT = 1
_KEY = "store.json"


class Store:
    """A store of one format number."""

    def __init__(self, files: LocalFiles) -> None:
        self.files = files

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self.files.root

    @classmethod
    def open(cls, root: Path) -> Store:
        """Open an existing store.

        Raises
        ------
        NotFoundError
            If there is none.
        FormatError
            If a newer version wrote it, or the folder holds something else.
        """
        store = cls(LocalFiles(root))
        if not store.files.exists(_KEY):
            raise NotFoundError(f"there is no store at {root}", expected=_KEY, remedy="`sphering run` creates it")
        store._check_format()
        return store

    @classmethod
    def create(cls, root: Path) -> Store:
        """Open a store, created where the folder is absent or empty.

        Raises
        ------
        FormatError
            If a newer version wrote it, or the folder holds something else.
        """
        store = cls(LocalFiles(root))
        if not store.files.exists(_KEY):
            # Looked for again, because another first run may have begun the store before the folder was listed.
            if _is_taken(root) and not store.files.exists(_KEY):
                raise FormatError(
                    f"{root} is there and is no store",
                    expected="a new or empty folder, or a store",
                    remedy="set `store` to another folder",
                )
            create_document(store.files, _KEY, {"format": FORMAT})
        store._check_format()
        return store

    def _check_format(self) -> None:
        found = read_document(self.files, _KEY).get("format")
        if found != FORMAT:
            raise FormatError(
                f"the store has format {found}",
                expected=f"format {FORMAT}, which this version of sphering reads and writes",
                where=str(self.files.path(_KEY)),
                remedy="upgrade sphering",
            )

    def corpora(self) -> list[str]:
        """Return the names of all corpora."""
        return self.files.children("corpora")

    def corpus(self, name: str) -> CorpusStore:
        """Return one corpus, which need not exist yet."""
        return CorpusStore(self.files, name)


def _is_taken(root: Path) -> bool:
    """Return whether there is anything at `root` but what a first run leaves that is killed before it began."""
    if not root.is_dir():
        return root.exists()
    return not all(_is_remnant(entry) for entry in root.iterdir())


def _is_remnant(entry: Path) -> bool:
    is_folder = entry.name == TEMPORARY_FOLDER and entry.is_dir()
    return is_folder and all(file.is_file() and file.suffix == TEMPORARY_SUFFIX for file in entry.iterdir())
