"""transform.faiss and queries.faiss: the transform in FAISS' own files, as one step and as a chain.

A file of a VectorTransform holds one step, in float32, and normalises nothing. The chain centres, maps and normalises
in front of an index without vectors, and is the more exact one where the mean is much longer than the spread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.export.formats.faiss.build import open_factory, put_chain
from sphering.export.formats.faiss.read import MAX_CHAIN_ERROR, chain_error
from sphering.transform import Transform

STEP = "transform.faiss"
CHAIN = "queries.faiss"


def write_faiss(transform: Transform, raw: NDArray[np.float32], folder: Path) -> dict[str, float]:
    """Write both files, read them back, and return how far each is from the transform.

    Parameters
    ----------
    transform : Transform
    raw : ndarray, shape (n, d), float32
        Vectors of the encoder.
    folder : Path

    Returns
    -------
    dict
        ``transform_error`` and ``chain_error``: the largest distance of a unit vector to that of the transform.

    Raises
    ------
    IntegrityError
        If float32 does not hold the transform.
    """
    import faiss

    faiss.write_VectorTransform(_step(transform), str(folder / STEP))
    faiss.write_index(put_chain(open_factory("Flat", transform.dimension_out), transform), str(folder / CHAIN))
    step = faiss.read_VectorTransform(str(folder / STEP))
    chain = faiss.read_index(str(folder / CHAIN))
    return {"transform_error": _error(step, transform, raw), "chain_error": chain_error(chain, transform.apply, raw)}


def linear_map(transform: Transform) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return A, (k, d) float32, and b, (k,) float32, with z = A x + b before normalisation, each cast last."""
    matrix = np.eye(transform.dimension_in) if transform.matrix is None else transform.matrix
    return np.ascontiguousarray(matrix.T, dtype=np.float32), (-transform.mean @ matrix).astype(np.float32)


def _step(transform: Transform) -> Any:
    """Return the transform as one step: the plainest that says it."""
    import faiss

    if transform.matrix is None and not transform.mean.any():
        return faiss.NormalizationTransform(transform.dimension_in, 2.0)
    if transform.matrix is None:
        centring = faiss.CenteringTransform(transform.dimension_in)
        faiss.copy_array_to_vector(transform.mean.astype(np.float32), centring.mean)
        centring.is_trained = True
        return centring
    linear = faiss.LinearTransform(transform.dimension_in, transform.dimension_out, True)
    weights, bias = linear_map(transform)
    faiss.copy_array_to_vector(weights.ravel(), linear.A)
    faiss.copy_array_to_vector(bias, linear.b)
    linear.is_trained = True
    linear.is_orthonormal = False
    return linear


def _error(step: Any, transform: Transform, raw: NDArray[np.float32]) -> float:
    expected = transform.apply(raw)
    kept = expected.any(axis=1)
    found = step.apply(np.ascontiguousarray(raw[kept])).astype(np.float64)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    worst = float(np.max(np.linalg.norm(found - expected[kept], axis=1), initial=0.0))
    if not worst <= MAX_CHAIN_ERROR:
        raise IntegrityError(
            f"one step of FAISS in float32 is off by {worst:.3g}",
            expected=f"at most {MAX_CHAIN_ERROR:g} from the transform {transform.sha256[:16]}",
            remedy="give [transform] a shrinkage: some directions have almost no variance",
        )
    return worst
