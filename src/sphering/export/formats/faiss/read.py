"""A published FAISS index: opened, its chain compared with the transform, its vectors read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.formats.faiss.layers import is_lossless

# The chain computes in float32, the transform in float64: 1.6e-5 was measured for ill-conditioned whitening.
MAX_CHAIN_ERROR = 1e-3


def open_index(path: Path) -> Any:
    """Return an index from a file.

    Raises
    ------
    IntegrityError
        If FAISS cannot read it.
    """
    import faiss

    try:
        return faiss.read_index(str(path))
    except (RuntimeError, MemoryError) as error:  # it takes as much memory as a damaged length says
        raise IntegrityError(f"this file cannot be read: {error}", expected="a FAISS index", where=str(path)) from error


def inner(index: Any) -> Any:
    """Return the index behind the transform, as its own class; whoever keeps it keeps the outer one too."""
    import faiss

    return faiss.downcast_index(index.index)


def chain_error(
    index: Any, apply: Callable[[NDArray[np.float32]], NDArray[np.float32]], raw: NDArray[np.float32]
) -> float:
    """Return the largest distance between what the chain and what the pipeline make of raw vectors.

    Parameters
    ----------
    index : faiss.IndexPreTransform
    apply : callable
        What the pipeline does: the transform, and the truncation.
    raw : ndarray, shape (m, d), float32

    Raises
    ------
    IntegrityError
        If it is beyond what float32 explains: the index holds another transform.
    """
    import faiss

    expected = apply(raw)
    kept = expected.any(axis=1)
    found = np.ascontiguousarray(raw[kept], dtype=np.float32)
    for position in range(index.chain.size()):
        found = faiss.downcast_VectorTransform(index.chain.at(position)).apply(found)
    if found.shape != expected[kept].shape:
        raise IntegrityError(f"the index' transform gives {found.shape[1]} dimensions", expected=str(expected.shape[1]))
    worst = float(np.max(np.linalg.norm(found.astype(np.float64) - expected[kept], axis=1), initial=0.0))
    if not worst <= MAX_CHAIN_ERROR:
        raise IntegrityError(
            f"the index' transform is off by {worst:.3g}",
            expected=f"at most {MAX_CHAIN_ERROR:g} from the transform of its release",
        )
    return worst


def stored_vectors(index: Any, start: int, count: int) -> NDArray[np.float32] | None:
    """Return consecutive stored rows, (count, d), or None where the index keeps fewer bits or turned the axes.

    Only what stands behind the chain is asked: FAISS' own inverse of a chain that it has read from a file is wrong for
    maps that are not orthonormal.
    """
    behind = inner(index)
    if not is_lossless(behind):
        return None
    rows: NDArray[np.float32] = behind.reconstruct_n(start, count)
    return rows


def rows_of(index: Any, doc_ids: Iterator[Any]) -> Iterator[tuple[Any, NDArray[np.float32] | None]]:
    """Yield each block of ids with its stored rows."""
    start = 0
    for block in doc_ids:
        yield block, stored_vectors(index, start, len(block))
        start += len(block)
