"""Which texts two snapshots share, and the vectors of those with the smallest hashes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sphering.sqltext import load
from sphering.store.database import bounded_connection
from sphering.store.snapshot import Snapshot

Vectors = NDArray[np.float32]
Name = Literal["a", "b"]
_COUNTS = """SELECT count(a), count(b), count(*) FILTER (a IS NOT NULL AND b IS NOT NULL) FROM compared_texts"""


@dataclass(frozen=True)
class Strangers:
    """Texts that one snapshot alone has, and those of the other, by the vectors of those with the smallest hashes.

    Parameters
    ----------
    side : {"a", "b"}
        Which snapshot has them: b, or a where b has none of its own.
    own, others : ndarray, shapes (n, d) and (n', d), float32
    own_texts, other_texts : int
        How many there are; more than vectors where these are a sample.
    """

    side: Name
    own: Vectors
    others: Vectors
    own_texts: int
    other_texts: int


@dataclass(frozen=True)
class ComparedTexts:
    """How many distinct texts two snapshots share, and vectors of some.

    Parameters
    ----------
    a, b, common : int
        Distinct texts of the first, of the second, and of both.
    shared : tuple of ndarray, shapes (n, d) and (n, d'), float32
        The vectors of common texts with the smallest hashes in both, in the order of these hashes.
    strangers : Strangers or None
        None where both have the same texts, or were not asked for.
    """

    a: int
    b: int
    common: int
    shared: tuple[Vectors, Vectors]
    strangers: Strangers | None


def compare_texts(a: Snapshot, b: Snapshot, *, shared: int, strangers: int) -> ComparedTexts:
    """Return how the distinct texts of two snapshots overlap, with the vectors of up to so many of each kind.

    The texts are chosen by their hashes, so that the same are looked at from night to night.

    Parameters
    ----------
    shared : int
        Common texts.
    strangers : int
        Texts of one alone, and of the other; 0 for none.
    """
    with _compared(a, b) as connection:
        (counted,) = connection.execute(_COUNTS).fetchall()
        counts = dict(zip(("a", "b", "common"), counted, strict=True))
        places = _places(connection, "a IS NOT NULL AND b IS NOT NULL", shared)
        return ComparedTexts(
            **counts,
            shared=(_vectors(a, places, "a"), _vectors(b, places, "b")),
            strangers=_strangers(connection, {"a": a, "b": b}, counts, strangers),
        )


@contextmanager
def _compared(a: Snapshot, b: Snapshot) -> Iterator[Any]:
    """Open a connection with the table `compared_texts` of two snapshots."""
    with bounded_connection(b.bounds) as connection:
        a.register(connection)
        connection.execute(load("comparison_base_texts"))
        b.register(connection)
        connection.execute(load("comparison_texts"))
        yield connection


def _strangers(connection: Any, snapshots: dict[Name, Snapshot], counts: dict[str, int], size: int) -> Strangers | None:
    side: Name = "b" if counts["b"] > counts["common"] else "a"
    other: Name = "a" if side == "b" else "b"
    if size == 0 or counts[side] == counts["common"]:
        return None
    own = _places(connection, f"{other} IS NULL", size)
    others = _places(connection, f"{other} IS NOT NULL", size)
    return Strangers(
        side,
        _vectors(snapshots[side], own, side),
        _vectors(snapshots[other], others, other),
        counts[side] - counts["common"],
        counts[other],
    )


def _places(connection: Any, condition: str, size: int) -> dict[str, NDArray[Any]]:
    query = (
        "SELECT a.shard AS a_shard, a.row AS a_row, b.shard AS b_shard, b.row AS b_row "
        f"FROM compared_texts WHERE {condition} ORDER BY text_hash LIMIT $size"
    )
    table = connection.sql(query, params={"size": size}).to_arrow_table()
    return {name: table[name].to_numpy() for name in table.column_names}


def _vectors(snapshot: Snapshot, places: dict[str, NDArray[Any]], side: Name) -> Vectors:
    return snapshot.take(places[f"{side}_shard"], places[f"{side}_row"])
