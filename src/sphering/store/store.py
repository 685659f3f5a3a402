"""A store: corpora in a folder or an object store, readable with nothing but a Parquet reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.config.paths import is_remote
from sphering.errors import FormatError, NotFoundError
from sphering.identity import canonical_json, seal
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
            If there is none, or its store.json was lost.
        FormatError
            If a newer version wrote it, or the folder holds something else.
        StorageError
            If an object store cannot be reached, or refuses.
        """
        store = cls.at(place)
        if not store.files.exists(KEY):
            if store.corpora():
                raise _lost(store.files, single_writer=False)
            raise NotFoundError(
                f"there is no store at {store.files.where()}", expected=KEY, remedy="`sphering run` creates it"
            )
        store._check_format()
        return store

    @classmethod
    def open_or_plan(cls, place: Path | str, *, single_writer: bool = False) -> Store:
        """Return the store at a place, or the one that a run may begin there; nothing is written.

        Parameters
        ----------
        place : Path or str
            A folder, or ``s3://bucket/prefix``.
        single_writer : bool
            Whether the configuration says so.

        Raises
        ------
        NotFoundError
            If its store.json was lost.
        FormatError
            If a newer version wrote it, or the place holds something else.
        StorageError
            If an object store cannot be reached, or refuses.
        """
        store = cls.at(place)
        if store.files.exists(KEY):
            store._check_format()
        # Looked for again, because another first run may have begun the store before the folder was listed.
        elif store.files.is_taken() and not store.files.exists(KEY):
            if store.corpora():
                raise _lost(store.files, single_writer=single_writer)
            raise FormatError(
                f"{store.files.where()} is there and is no store",
                expected="a new or empty folder, or a store",
                remedy="set `store` to another folder",
            )
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
        NotFoundError
            If its store.json was lost.
        FormatError
            If a newer version wrote it, or the place holds something else.
        StorageError
            If an object store cannot be reached, refuses, or does not create if absent.
        """
        store = cls.open_or_plan(place, single_writer=single_writer)
        if not store.files.exists(KEY):
            store = cls(begin_files(place, single_writer=single_writer))
            create_document(store.files, KEY, _content(single_writer=single_writer))
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


def _content(*, single_writer: bool) -> dict[str, Any]:
    return {"format": FORMAT} | ({"single_writer": True} if single_writer else {})


def _lost(files: Files, *, single_writer: bool) -> NotFoundError:
    """Return what to say of corpora without a store.json, which holds no more than can be written again."""
    remedy = f"copy it back from a backup, or write this line there: {_line(single_writer=single_writer)}"
    if is_remote(files.where()) and not single_writer:
        remedy += f"; or, where the store was begun with `single_writer = true`: {_line(single_writer=True)}"
    return NotFoundError(
        f"the store at {files.where()} has lost its {KEY}",
        expected=f"{KEY} beside corpora/: the store's format, and on an object store whether it has a single writer",
        where=files.where(KEY),
        remedy=remedy,
    )


def _line(*, single_writer: bool) -> str:
    return canonical_json(seal(_content(single_writer=single_writer))).decode()
