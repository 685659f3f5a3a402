"""From a place as it is configured to the files behind it."""

from __future__ import annotations

import secrets
from pathlib import Path

from sphering.config.paths import is_remote
from sphering.errors import StorageError
from sphering.store.documents import read_document
from sphering.store.files import Files
from sphering.store.local_files import LocalFiles
from sphering.store.temporaries import TEMPORARY_FOLDER

KEY = "store.json"


def open_files(place: Path | str) -> Files:
    """Return the files of the store at a place: a folder, or an object store's URL.

    Raises
    ------
    InputError
        If a URL is none of an object store's prefix.
    ExtraMissingError
        If the client of object stores is not installed.
    StorageError
        If the object store cannot be reached, or refuses.
    """
    if not is_remote(place):
        return LocalFiles(Path(place))
    from sphering.store.object_files import ObjectFiles

    files = ObjectFiles.at(str(place))
    return files.as_single_writer() if _is_single_writer(files) else files


def begin_files(place: Path | str, *, single_writer: bool) -> Files:
    """Return the files of a store that is to begin at a place, after an object store was tried.

    Raises
    ------
    StorageError
        If it does not create if absent, and others may write there too.
    """
    if not is_remote(place):
        return LocalFiles(Path(place))
    from sphering.store.object_files import ObjectFiles

    files = ObjectFiles.at(str(place))
    if single_writer:
        return files.as_single_writer()
    if not creates_if_absent(files):
        raise StorageError(
            "this object store replaces what is there although it is asked to create only what is absent",
            expected="conditional puts (If-None-Match: *), as S3 has them",
            where=files.where(),
            remedy="choose another store; or, where only one process ever writes to it, set `single_writer = true`",
        )
    return files


def creates_if_absent(files: Files) -> bool:
    """Return whether what exists is not created again; a small file is written for that, and removed."""
    key = f"{TEMPORARY_FOLDER}/conditional-{secrets.token_hex(8)}"
    try:
        return files.create(key, b"first") and not files.create(key, b"second") and files.read(key) == b"first"
    finally:
        files.remove(key)


def _is_single_writer(files: Files) -> bool:
    return files.exists(KEY) and bool(read_document(files, KEY).get("single_writer"))
