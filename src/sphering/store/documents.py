"""Sealed JSON documents: every JSON in a store carries the SHA-256 of its own content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from sphering.errors import IntegrityError
from sphering.identity import SEAL, canonical_json, check_seal, seal
from sphering.store.files import Files

_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_SCALARS = (str, int, float, type(None))


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a sealed document as the key-sorted JSON text that is stored: a line for each name, a list on its line.

    A list for each of whose numbers or shards there is a line would be a third longer, and no easier to read.
    """
    return _written(seal(document))


def _written(sealed: Mapping[str, Any]) -> bytes:
    return _lines(sealed, "").encode() + b"\n"


def _lines(value: Mapping[str, Any], indent: str) -> str:
    """Return a mapping that is not empty; scalars in a row take one call of the C encoder instead of one each."""
    inner = f"{indent} "
    encode = _encoder_of_scalars(inner)
    members: list[str] = []
    row: dict[str, Any] = {}
    for name in sorted(value):
        member = value[name]
        if isinstance(member, _SCALARS):
            row[name] = member
            continue
        if row:
            members.append(encode(row)[1:-1])
            row = {}
        is_mapping = isinstance(member, Mapping) and len(member) > 0
        members.append(f"{_encoded_name(name)}: {_lines(member, inner) if is_mapping else _encoded(member)}")
    if row:
        members.append(encode(row)[1:-1])
    return "{\n" + inner + f",\n{inner}".join(members) + f"\n{indent}}}"


@cache
def _encoder_of_scalars(indent: str) -> Callable[[Any], str]:
    separators = (f",\n{indent}", ": ")
    return json.JSONEncoder(sort_keys=True, separators=separators, ensure_ascii=False, allow_nan=False).encode


@lru_cache(4096)
def _encoded_name(name: str) -> str:
    return _encoded(name)


def create_document(files: Files, key: str, document: Mapping[str, Any]) -> bool:
    """Create a sealed document if it is absent; return whether this call created it."""
    return files.create(key, to_bytes(document))


def read_document(files: Files, key: str) -> dict[str, Any]:
    """Return a document without its seal; see `read_sealed`."""
    return {name: value for name, value in read_sealed(files, key).items() if name != SEAL}


def read_sealed(files: Files, key: str) -> dict[str, Any]:
    """Return a document with its seal, which was checked.

    Raises
    ------
    NotFoundError
        If it does not exist.
    IntegrityError
        If it is not JSON or was edited, were it in a digit that a number does not have.
    """
    where, data = files.where(key), files.read(key)
    try:
        document = json.loads(data)
        if not isinstance(document, dict):
            raise IntegrityError("this JSON is no object", expected="a document as it was written", where=where)
        check_seal(document, where)
        as_written = data == _written(document) or data.removesuffix(b"\n") == canonical_json(document)
    except ValueError as error:  # no JSON, or a number or a letter that JSON cannot hold
        raise IntegrityError(
            f"this file is not JSON: {error}",
            expected="a document as it was written",
            where=where,
            remedy="restore it from a backup",
        ) from error
    if not as_written:
        raise IntegrityError(
            "this JSON says what it said, in other bytes than were written",
            expected="a document as it was written",
            where=where,
            remedy="restore it from a backup",
        )
    return document
