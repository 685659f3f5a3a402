"""Sealed JSON documents: every JSON in a store carries the SHA-256 of its own content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import groupby
from typing import Any

from sphering.errors import IntegrityError
from sphering.identity import SEAL, canonical_json, check_seal, seal
from sphering.store.files import Files

_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a sealed document as the key-sorted JSON text that is stored: a line for each name, a list on its line.

    A list for each of whose numbers or shards there is a line would be a third longer, and no easier to read.
    """
    return _written(seal(document))


def _written(sealed: Mapping[str, Any]) -> bytes:
    return _lines(sealed, "").encode() + b"\n"


def _lines(value: Any, indent: str) -> str:
    if not isinstance(value, Mapping) or not value:
        return _encoded(value)
    inner = f"{indent} "
    members: list[str] = []
    for is_scalar, names in groupby(sorted(value), lambda name: not isinstance(value[name], Mapping | list | tuple)):
        if is_scalar:
            members.append(_encoder_of_scalars(inner)({name: value[name] for name in names})[1:-1])
        else:
            members += [f"{_encoded(name)}: {_lines(value[name], inner)}" for name in names]
    return "{\n" + inner + f",\n{inner}".join(members) + f"\n{indent}}}"


@cache
def _encoder_of_scalars(indent: str) -> Callable[[Any], str]:
    """Return what writes many members at once, a line each: one call of the C encoder instead of one for each."""
    separators = (f",\n{indent}", ": ")
    return json.JSONEncoder(sort_keys=True, separators=separators, ensure_ascii=False, allow_nan=False).encode


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
