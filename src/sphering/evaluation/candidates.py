"""The documents that queries are compared with where not all of a corpus can be: the relevant ones, and a sample."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.evaluation.kind import Ground
from sphering.evaluation.supervision import Hashes
from sphering.export.search import unit_vectors
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.likelihood import Candidates
from sphering.sqltext import load, quote_identifier
from sphering.store.database import Bounds, bounded_connection
from sphering.store.shard import EMBEDDING, vector_rows
from sphering.store.snapshot import Snapshot, path_list
from sphering.transform import Transform

_BLOCK = 256


@dataclass(frozen=True)
class Asked:
    """Queries that each have a relevant document in a snapshot.

    Parameters
    ----------
    vectors : ndarray, shape (q, d), float32
        Raw.
    query_ids : list of str
    judgements : polars.DataFrame
        query_id, doc_id, relevance; those of other queries are of no account.
    column : str
        The column of the snapshot that has the judged ids.
    """

    vectors: NDArray[np.float32]
    query_ids: list[str]
    judgements: pl.DataFrame
    column: str

    @property
    def relevant(self) -> pl.DataFrame:
        """The relevant documents: query_id, doc_id."""
        own = pl.col("query_id").is_in(self.query_ids) & (pl.col("relevance") > 0)
        return self.judgements.filter(own).select("query_id", "doc_id")

    def relevance(self, doc_ids: list[str]) -> NDArray[np.bool_]:
        """Return which of some documents are relevant to which query, (q, c)."""
        rows = {name: row for row, name in enumerate(self.query_ids)}
        columns = {name: column for column, name in enumerate(doc_ids)}
        found = np.zeros((len(rows), len(columns)), dtype=bool)
        pairs = [(rows[query], columns[name]) for query, name in self.relevant.iter_rows()]
        found[tuple(np.array(pairs).T)] = True
        return found


@dataclass(frozen=True)
class _Rows:
    """Rows of a snapshot, ordered by the document that each is of.

    `doc_ids` names the documents, `starts` where each begins among the rows.
    """

    doc_ids: list[str]
    starts: NDArray[np.int64]
    hashes: list[bytes]
    vectors: NDArray[np.float32]


def draw(ids: list[str], size: int, seed: int, bounds: Bounds) -> set[str]:
    """Return up to `size` of some ids at random, the same from night to night as long as they are there."""
    with bounded_connection(bounds) as connection:
        connection.register("ids", _id_table(ids))
        return _drawn(connection, size, seed)


def _draw_others(
    asked: Asked, snapshot: Snapshot, named: Collection[str], size: int, seed: int
) -> tuple[set[str], int]:
    """Return up to `size` of the documents that are not named, at random, and how many there are, within bounds."""
    with bounded_connection(snapshot.bounds) as connection:
        snapshot.register(connection)
        connection.register("named", _id_table(named))
        view = load("evaluation_documents").replace("$column", quote_identifier(asked.column))
        connection.execute(view.replace("$paths", path_list(snapshot.paths)))
        (others,) = connection.execute("SELECT count(*) FROM ids").fetchone()
        return _drawn(connection, size, seed), others


def _drawn(connection: Any, size: int, seed: int) -> set[str]:
    rows = connection.execute(load("evaluation_draw"), {"seed": seed, "size": size}).fetchall()
    return {row[0] for row in rows}


def _id_table(ids: Collection[str]) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.string())})


def in_both_spaces(asked: Asked, ground: Ground, best: Collection[str]) -> tuple[Candidates, Candidates, bool]:
    """Return the cosines of queries with documents, raw and under the transform, and whether these are all.

    The relevant documents and the best hits stand for themselves, a drawn one for all that were not drawn.
    """
    snapshot = ground.snapshot
    named = set(asked.relevant["doc_id"].to_list()) | set(best)
    drawn, others = _draw_others(asked, snapshot, named, ground.sample, ground.seed)
    rows = _read(snapshot, asked.column, named | drawn)
    weight = np.log(others / len(drawn)) if drawn else 0.0
    log_weights = np.array([0.0 if name in named else weight for name in rows.doc_ids])
    relevant = asked.relevance(rows.doc_ids)
    raw, transformed = (
        Candidates(_cosines(asked.vectors, rows, transform), relevant, log_weights)
        for transform in (None, ground.transform)
    )
    return raw, transformed, len(drawn) == others


def relevant_documents(
    asked: Asked, snapshot: Snapshot, sample: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Hashes]:
    """Return the raw vectors of relevant and of drawn documents, which are relevant, and the text hashes of these.

    Each row of a document that was cut into chunks stands for itself.
    """
    named = set(asked.relevant["doc_id"].to_list())
    drawn, _ = _draw_others(asked, snapshot, named, sample, seed=0)
    rows = _read(snapshot, asked.column, named | drawn)
    counts = np.diff(np.append(rows.starts, len(rows.vectors)))
    relevant = np.repeat(asked.relevance(rows.doc_ids), counts, axis=1)
    hashes = tuple(tuple(rows.hashes[row] for row in np.flatnonzero(mine)) for mine in relevant)
    return rows.vectors, relevant, hashes


def _read(snapshot: Snapshot, column: str, wanted: Collection[str]) -> _Rows:
    """Return the rows of some documents, in one pass over the snapshot."""
    values = pa.array(sorted(wanted), pa.string())
    parts = [_chosen(batch, column, values) for batch in snapshot.batches([column, "text_hash", EMBEDDING])]
    names = np.concatenate([part[0] for part in parts])
    order = np.argsort(names, kind="stable")
    doc_ids, starts = np.unique(names[order], return_index=True)
    hashes = [text_hash for part in parts for text_hash in part[1]]
    vectors = np.concatenate([part[2] for part in parts])[order]
    return _Rows(doc_ids.tolist(), starts, [hashes[row] for row in order], vectors)


def _chosen(
    batch: pa.RecordBatch, column: str, values: pa.Array
) -> tuple[NDArray[Any], list[bytes], NDArray[np.float32]]:
    rows = pa.array(np.flatnonzero(pc.is_in(batch[column], value_set=values).to_numpy(zero_copy_only=False)))
    names = batch[column].take(rows).to_numpy(zero_copy_only=False)
    return names, batch["text_hash"].take(rows).to_pylist(), vector_rows(batch[EMBEDDING])[rows.to_numpy()]


def _cosines(queries: NDArray[np.float32], rows: _Rows, transform: Transform | None) -> NDArray[np.float32]:
    """Return the cosine of each query with the best row of each document, (q, c)."""
    asked, found = unit_vectors(queries, transform), unit_vectors(rows.vectors, transform)
    out = np.empty((len(asked), len(rows.starts)), np.float32)
    with one_blas_thread():
        for start in range(0, len(asked), _BLOCK):
            part = slice(start, start + _BLOCK)
            out[part] = np.maximum.reduceat(asked[part] @ found.T, rows.starts, axis=1)
    return out
