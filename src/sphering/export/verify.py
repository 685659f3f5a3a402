"""Whether a published export is still what its manifest says."""

from __future__ import annotations

from typing import Any

from sphering.errors import IntegrityError
from sphering.export.opening import open_format
from sphering.export.readback import REMEDY, read_back
from sphering.identity import sha256_file
from sphering.store.documents import read_document
from sphering.store.files import Files
from sphering.store.layout import MANIFEST


def verify_export(files: Files, folder_key: str) -> dict[str, Any]:
    """Hash every file of an export again, then read it with its own reader, and return its manifest.

    Raises
    ------
    NotFoundError
        If there is no manifest.
    IntegrityError
        If a file is missing or changed, or the rows are not as many, as wide or as long as the manifest says.
    ExtraMissingError
        If what reads the format is not installed; the hashes are right then.
    """
    manifest = read_document(files, f"{folder_key}/{MANIFEST}")
    for name, entry in manifest["files"].items():
        _check_file(files, f"{folder_key}/{name}", entry)
    folder = files.folder(folder_key)
    found = read_back(open_format(manifest["format"]), folder, manifest["d"], exact=manifest["dtype"] == "float32")
    if found.n != manifest["n"]:
        raise IntegrityError(f"{found.n} rows", expected=f"{manifest['n']}", where=str(folder), remedy=REMEDY)
    return manifest


def _check_file(files: Files, key: str, entry: dict[str, Any]) -> None:
    path = files.path(key)
    if not path.is_file():
        raise IntegrityError("this file of an export is missing", where=str(path), remedy=REMEDY)
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise IntegrityError(f"{size} bytes", expected=f"{entry['bytes']} bytes", where=str(path), remedy=REMEDY)
    actual = sha256_file(path)
    if actual != entry["sha256"]:
        raise IntegrityError(
            f"the bytes have SHA-256 {actual[:16]}…",
            expected=f"{entry['sha256'][:16]}…",
            where=str(path),
            remedy=REMEDY,
        )
