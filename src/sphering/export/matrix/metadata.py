"""The metadata of documents without the columns that an export does not carry."""

from __future__ import annotations

import json
from collections.abc import Collection

import pyarrow as pa

from sphering.identity import canonical_json


def keep_columns(metadata: pa.Array, columns: Collection[str] | None) -> pa.Array:
    """Return canonical JSON objects with the named keys alone, (m,) string; each distinct one is parsed once.

    Parameters
    ----------
    metadata : pyarrow.Array of string, shape (m,)
    columns : collection of str or None
        None: all of them.
    """
    if columns is None:
        return metadata
    coded = metadata.dictionary_encode()
    kept = [_kept(text, columns) for text in coded.dictionary.to_pylist()]
    return pa.array(kept, pa.string()).take(coded.indices)


def _kept(text: str, columns: Collection[str]) -> str:
    values = json.loads(text)
    return canonical_json({name: values[name] for name in columns if name in values}).decode()
