"""A store: corpora in a folder or an object store, readable with nothing but a Parquet reader."""

from __future__ import annotations

from pathlib import Path

from sphering.errors import FormatError, NotFoundError
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document
from sphering.store.files import Files
from sphering.store.opening import KEY, begin_files, open_files

FORMAT = 1


class Store:
    """A store of one format number."""

    def __init__(self, files: Files) -> None:
        self.files = files

    @property
    def root(self) -> Path:
        """The folder on this machine of the catalog and of workspaces: the store's own, where it is a folder."""
        return self.files.working()

    @classmethod
    def at(cls, place: Path | str) -> Store:
        """Return the store at a place, where none need be yet: its format is not looked at.

        Parameters
        ----------
        place : Path or str
            A folder, or ``s3://bucket/prefix``.
        """
        return cls(open_files(place))

    @classmethod
    def open(cls, place: Path | str) -> Store:
        """Open an existing store.

        Raises
        ------
        NotFoundError
            If there is none.
        FormatError
            If a newer version wrote it, or the folder holds something else.
        StorageError
            If an object store cannot be reached, or refuses.
        """
        store = cls.at(place)
        if not store.files.exists(KEY):
            raise NotFoundError(
                f"there is no store at {store.files.where()}", expected=KEY, remedy="`sphering run` creates it"
            )
        store._check_format()
        return store

    @classmethod
    def create(cls, place: Path | str, *, single_writer: bool = False) -> Store:
        """Open a store, created where the place is absent or empty.

        Parameters
        ----------
        place : Path or str
            A folder, or ``s3://bucket/prefix``.
        single_writer : bool
            Begin a store also where nothing can be created only if it is absent; it says so to all who open it.

        Raises
        ------
        FormatError
            If a newer version wrote it, or the place holds something else.
        StorageError
            If an object store cannot be reached, refuses, or does not create if absent.
        """
        store = cls.at(place)
        if not store.files.exists(KEY):
            # Looked for again, because another first run may have begun the store before the folder was listed.
            if store.files.is_taken() and not store.files.exists(KEY):
                raise FormatError(
                    f"{store.files.where()} is there and is no store",
                    expected="a new or empty folder, or a store",
                    remedy="set `store` to another folder",
                )
            store = cls(begin_files(place, single_writer=single_writer))
            create_document(store.files, KEY, {"format": FORMAT} | ({"single_writer": True} if single_writer else {}))
        store._check_format()
        return store

    def _check_format(self) -> None:
        found = read_document(self.files, KEY).get("format")
        if found != FORMAT:
            raise FormatError(
                f"the store has format {found}",
                expected=f"format {FORMAT}, which this version of sphering reads and writes",
                where=self.files.where(KEY),
                remedy="upgrade sphering",
            )

    def corpora(self) -> list[str]:
        """Return the names of all corpora."""
        return self.files.children("corpora")

    def corpus(self, name: str) -> CorpusStore:
        """Return one corpus, which need not exist yet."""
        return CorpusStore(self.files, name)
