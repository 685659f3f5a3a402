"""Canonical JSON and digests: how everything in a store gets its name.

An id is the first 16 hex digits of SHA-256 over canonical JSON: keys sorted, no white space, UTF-8, floats in
their shortest round-trip form, NaN and infinities refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sphering.errors import IntegrityError

ID_LENGTH = 16
SEAL = "sha256"


def canonical_json(value: Any) -> bytes:
    """Return `value` as canonical JSON bytes.

    Raises
    ------
    ValueError
        If a float is NaN or infinite, which JSON cannot hold.
    TypeError
        If a value has no JSON form.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any) -> str:
    """Return SHA-256 (64 hex digits) over the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def short_id(value: Any) -> str:
    """Return the id of a thing: the first 16 hex digits of `digest`."""
    return digest(value)[:ID_LENGTH]


def text_hash(text: str) -> str:
    """Return SHA-256 (64 hex digits) of a text as it is encoded, in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Return SHA-256 (64 hex digits) of a file's bytes, read in blocks of 1 MiB."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def holds_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a folder has all of these files, by the `bytes` and `sha256` of each; sizes are asked first."""
    paths = [(folder / name, expected) for name, expected in files.items()]
    if not all(path.is_file() and path.stat().st_size == expected["bytes"] for path, expected in paths):
        return False
    return all(sha256_file(path) == expected["sha256"] for path, expected in paths)


def sha256_bytes(data: bytes) -> str:
    """Return SHA-256 (64 hex digits) of bytes."""
    return hashlib.sha256(data).hexdigest()


def seal(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the SHA-256 of its own canonical content under ``sha256``."""
    content = {key: value for key, value in document.items() if key != SEAL}
    return {**content, SEAL: digest(content)}


def check_seal(document: Mapping[str, Any], where: str) -> None:
    """Raise IntegrityError unless the document still has the content that it was sealed with."""
    content = {key: value for key, value in document.items() if key != SEAL}
    actual = digest(content)
    if document.get(SEAL) != actual:
        raise IntegrityError(
            f"the content of this JSON has SHA-256 {actual[:16]}…, its seal says {str(document.get(SEAL))[:16]}…",
            expected="a document as it was written",
            where=where,
            remedy="restore the file from a backup; it was edited after it was written",
        )
