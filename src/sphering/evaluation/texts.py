"""Texts of evaluation files as they are encoded, and their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import polars as pl
import pyarrow as pa

from sphering.config.model import NormaliseConfig
from sphering.errors import InputError
from sphering.evaluation.files import SECTION
from sphering.store.shard import HASH
from sphering.text.normalise import is_blank, normalise


def encoded_texts(texts: pl.Series, config: NormaliseConfig, names: Sequence[str]) -> list[str]:
    """Return texts after [normalise].

    Raises
    ------
    InputError
        If one is empty; it is called by its name.
    """
    clean = normalise(texts.to_arrow().cast(pa.string()), config)
    blank = is_blank(clean).to_pylist()
    if any(blank):
        raise InputError(
            f"{names[blank.index(True)]} is empty", expected="a text that the encoder can read", where=SECTION
        )
    found: list[str] = clean.to_pylist()
    return found


def hash_column(texts: Iterable[str]) -> pa.Array:
    """Return the SHA-256 of texts, (n,) of 32 bytes."""
    return pa.array([hashlib.sha256(text.encode()).digest() for text in texts], HASH)
