"""Vectors of an evaluation's texts, each once a role: copied where an earlier evaluation has them, else encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.encoder.protocol import Encoder, Role
from sphering.errors import InputError
from sphering.evaluation.files import SECTION
from sphering.evaluation.kind import Wanted
from sphering.evaluation.texts import hash_column
from sphering.store.shard import EMBEDDING, HASH, vector_array, vector_rows

ROLES: tuple[Role, ...] = get_args(Role)
Stored = Callable[[], Iterator[pa.Table]]
"""Gives the vectors of earlier evaluations of an encoder and query prompt, the newest first."""
_MEASURED = ("n_tokens", "truncated", EMBEDDING)


@dataclass(frozen=True)
class Gathered:
    """Vectors by role and hash: a table of role, text_hash, text, n_tokens, truncated, embedding; those it took.

    Parameters
    ----------
    table : pyarrow.Table
        Of `d` dimensions, in the order of roles and hashes.
    encoded, reused : int
        How many of its vectors were encoded for it, and copied.
    """

    table: pa.Table
    encoded: int
    reused: int


@dataclass(frozen=True)
class KeptVectors:
    """Vectors as they were kept, see `kind.Vectors`."""

    table: pa.Table

    def of(self, role: Role, hashes: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
        """Return the raw vectors of texts in a role by their hashes, (n, d) float32."""
        own = self.table.filter(pc.equal(self.table["role"], role))
        places = pc.index_in(_flat(hashes), value_set=_flat(own["text_hash"]))
        rows: NDArray[np.int64] = places.to_numpy(zero_copy_only=False).astype(np.int64)
        return vector_rows(own[EMBEDDING])[rows]


def missing(wanted: Sequence[Wanted], stored: Stored) -> int:
    """Return how many distinct texts would have to be encoded, over both roles."""
    texts = _distinct(wanted)
    return int(texts.num_rows) - sum(len(places) for _, places in _found(texts, stored))


def gather(wanted: Sequence[Wanted], stored: Stored, open_encoder: Callable[[], Encoder], dimension: int) -> Gathered:
    """Return the vectors of texts; the encoder is opened only where one is in no earlier evaluation.

    Raises
    ------
    InputError
        If the encoder gives a text that has a name a vector that is zero or not finite.
    """
    texts = _distinct(wanted)
    rows = texts.num_rows
    columns: dict[str, Any] = {
        "n_tokens": np.full(rows, -1, np.int32),
        "truncated": np.zeros(rows, bool),
        EMBEDDING: np.zeros((rows, dimension), np.float32),
    }
    known = np.zeros(rows, bool)
    for table, places in _found(texts, stored):
        found = table.take(pc.index_in(_keys(texts.take(pa.array(places))), value_set=_keys(table)))
        _put(columns, places, (pc.fill_null(found["n_tokens"], -1), found["truncated"], vector_rows(found[EMBEDDING])))
        known[places] = True
    fresh = np.flatnonzero(~known)
    if len(fresh):
        _encode(texts, fresh, columns, open_encoder())
    _refuse(wanted, texts, columns[EMBEDDING])
    counted = columns["n_tokens"]
    table = texts.append_column("n_tokens", pa.array(counted, mask=counted < 0))
    table = table.append_column("truncated", pa.array(columns["truncated"]))
    table = table.append_column(EMBEDDING, vector_array(columns[EMBEDDING]))
    table = table.set_column(2, "text", pc.if_else(table["kept"], table["text"], None)).drop_columns("kept")
    return Gathered(table, len(fresh), rows - len(fresh))


def _distinct(wanted: Sequence[Wanted]) -> pa.Table:
    """Return role, text_hash, text, kept of each text once a role, in the order of roles and hashes."""
    found: dict[tuple[str, bytes], tuple[str, bool]] = {}
    for each in wanted:
        for text, text_hash in zip(each.texts, hash_column(each.texts).to_pylist(), strict=True):
            before = found.get((each.role, text_hash))
            found[each.role, text_hash] = (text, each.kept or (before is not None and before[1]))
    keys = sorted(found)
    return pa.table(
        {
            "role": pa.array([role for role, _ in keys], pa.string()),
            "text_hash": pa.array([text_hash for _, text_hash in keys], HASH),
            "text": pa.array([found[key][0] for key in keys], pa.string()),
            "kept": pa.array([found[key][1] for key in keys], pa.bool_()),
        }
    )


def _found(texts: pa.Table, stored: Stored) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """Yield each earlier evaluation's vectors that are wanted, with the places of the texts that it has first."""
    left = np.arange(texts.num_rows)
    if not len(left):
        return
    for table in stored():
        there = pc.is_in(_keys(texts.take(pa.array(left))), value_set=_keys(table)).to_numpy(zero_copy_only=False)
        if there.any():
            yield table, left[there]
            left = left[~there]
        if not len(left):
            return


def _keys(table: pa.Table) -> pa.Array:
    """Return role and hash of each row as one value."""
    keys = pc.binary_join_element_wise(
        table["role"].cast(pa.binary()), table["text_hash"].cast(pa.binary()), pa.scalar(b" ")
    )
    return _flat(keys)


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def _put(columns: dict[str, Any], places: NDArray[np.int64], values: Sequence[Any]) -> None:
    for name, value in zip(_MEASURED, values, strict=True):
        columns[name][places] = np.asarray(value)


def _encode(texts: pa.Table, fresh: NDArray[np.int64], columns: dict[str, Any], encoder: Encoder) -> None:
    roles = np.array(texts["role"].to_pylist(), dtype=object)[fresh]
    for role in ROLES:
        places = fresh[roles == role]
        if len(places):
            encoded = encoder.encode(texts["text"].take(pa.array(places)).to_pylist(), role=role)
            tokens = np.full(len(places), -1, np.int32) if encoded.n_tokens is None else encoded.n_tokens
            _put(columns, places, (tokens, encoded.truncated, encoded.vectors))


def _refuse(wanted: Sequence[Wanted], texts: pa.Table, vectors: NDArray[np.float32]) -> None:
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    usable = np.isfinite(norms) & (norms > 0)
    if usable.all():
        return
    pairs = zip(texts["role"].to_pylist(), texts["text"].to_pylist(), usable, strict=True)
    wrong = {(role, text) for role, text, right in pairs if not right}
    for each in wanted:
        for name, text in zip(each.names or (), each.texts if each.names else (), strict=True):
            if (each.role, text) in wrong:
                raise InputError(
                    f"{name} gets a vector that is zero or not finite",
                    expected="a text that the encoder can read",
                    where=SECTION,
                )
