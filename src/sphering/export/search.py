"""Exact search over a snapshot under a transform, streamed: memory is one block of vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import IdentityError, InputError
from sphering.export.exact import TopK
from sphering.store.shard import EMBEDDING, vector_rows
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform
from sphering.transform.application import apply_affine

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Hits:
    """The best documents of each query.

    doc_ids is (q, k) of str and scores (q, k) float32, best first; equal scores stand in `doc_id` order. k is smaller
    where the snapshot has fewer documents.
    """

    doc_ids: NDArray[Any]
    scores: NDArray[np.float32]


def search(
    snapshot: Snapshot,
    transform: Transform | None,
    queries: NDArray[np.float32],
    k: int,
    *,
    source_documents: bool = False,
) -> Hits:
    """Return the k documents with the largest inner product for each query, exactly.

    Parameters
    ----------
    snapshot : Snapshot
    transform : Transform or None
        Applied to the documents; vectors that it makes zero are left out, as they are of exports. None: the raw
        vectors, normalised.
    queries : ndarray, shape (q, k'), float32
        Transformed unit vectors, as `Bundle.encode` gives them.
    k : int
    source_documents : bool
        Return the k best source documents instead, by the best chunk of each; `doc_ids` are their ids. Where the
        documents of the snapshot are no chunks, it is the same.

    Raises
    ------
    IdentityError
        If the transform takes vectors of another encoder.
    InputError
        If the queries have another dimension than the transformed documents.
    """
    if transform is not None and transform.encoder != snapshot.manifest.encoder:
        raise IdentityError(
            f"the transform takes vectors of the encoder {transform.encoder}",
            expected=f"{snapshot.manifest.encoder}, the encoder of the snapshot {snapshot.id}",
        )
    dimension = snapshot.dimension if transform is None else transform.dimension_out
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise InputError(f"queries of shape {queries.shape}", expected=f"(q, {dimension}), after the transform")
    by_parent = source_documents and snapshot.manifest.chunk is not None
    best = TopK(queries, k, distinct=by_parent)
    for doc_ids, vectors in _blocks(snapshot, transform, "parent" if by_parent else "doc_id"):
        best.update(vectors, doc_ids)
    return Hits(*best.result())


def unit_vectors(vectors: NDArray[np.float32], transform: Transform | None) -> NDArray[np.float32]:
    """Return the vectors under a transform, or normalised where there is none: (n, k) float32 unit rows."""
    if transform is not None:
        return transform.apply(vectors)
    return apply_affine(vectors, np.zeros(vectors.shape[1]), None)


def fetch(snapshot: Snapshot, doc_ids: Sequence[str], columns: Sequence[str] = ("text", "metadata")) -> pl.DataFrame:
    """Return doc_id and the named columns of some documents, in the order given."""
    import polars as pl

    wanted = pl.DataFrame({"doc_id": list(doc_ids)}, schema={"doc_id": pl.String})
    found = (
        snapshot.scan()
        .filter(pl.col("doc_id").is_in(wanted["doc_id"].unique().to_list()))
        .select("doc_id", *columns)
        .collect()
    )
    return wanted.join(found, on="doc_id", how="left", maintain_order="left")


def _blocks(
    snapshot: Snapshot, transform: Transform | None, label: str
) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
    for batch in snapshot.batches([label, EMBEDDING]):
        vectors = unit_vectors(vector_rows(batch.column(1)), transform)
        # Strings compare by code points in Python, which is the order of their UTF-8 bytes.
        doc_ids = batch.column(0).to_numpy(zero_copy_only=False)
        kept = vectors.any(axis=1)
        yield (doc_ids, vectors) if kept.all() else (doc_ids[kept], vectors[kept])
