"""A FAISS index over unit vectors, and the transform put in front of it, so that it takes raw query vectors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.export import FaissConfig
from sphering.errors import InputError
from sphering.export.formats.faiss.layers import SETTINGS, check_metric, layers, put_settings, steps_before
from sphering.export.matrix.rows import Rows
from sphering.transform import Transform

ADD_ROWS = 16384
TRAIN_ROWS = 65536
# FAISS' k-means uses at most this many vectors a centroid.
_ROWS_PER_LIST = 256


def open_factory(factory: str, dimension: int, where: str = "a factory string") -> Any:
    """Return the empty index of a factory string, with the inner product as its metric; `where` it stands is said.

    Raises
    ------
    InputError
        If FAISS refuses the string, gives it another metric, or it has an id map or a whitening of its own.
    """
    import faiss

    try:
        index = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise InputError(
            f"FAISS refuses the factory string {factory!r}: {_reason(error)}",
            expected=f"an index for {dimension} dimensions and the inner product",
            where=where,
            remedy="choose another string, such as Flat, HNSW32 or IVF256,Flat",
        ) from error
    if any(isinstance(layer, faiss.IndexIDMap) for layer in layers(index)):
        raise InputError(
            f"the factory string {factory!r} has an id map",
            expected="an index alone; its ids are the row_id of ids.parquet",
            where=where,
            remedy="leave IDMap out of the string",
        )
    if any(_whitens(layer) for layer in layers(index)):
        raise InputError(
            f"the factory string {factory!r} whitens what the transform has whitened, to other lengths than 1",
            expected="an index, or a rotation in front of one",
            where=where,
            remedy='leave PCAW out, and set kind = "whiten", form = "pca" and dimension under [transform]',
        )
    check_metric(index, factory, where)
    return index


def _whitens(layer: Any) -> bool:
    """Return whether FAISS divides by standard deviations, as PCAW does: to a variance of 1/n, without normalising."""
    import faiss

    return any(isinstance(step, faiss.PCAMatrix) and step.eigen_power != 0 for step in steps_before(layer))


def place_of(config: FaissConfig) -> str:
    """Return where the factory string of a table stands, in words."""
    return f"index of [[export]] {config.name}"


def build(config: FaissConfig, rows: Rows) -> Any:
    """Return a trained, filled index with its search settings.

    Parameters
    ----------
    config : FaissConfig
    rows : Rows
        Read once for training, where the index needs it, and once for adding; ids are dense from 0 in their order.

    Raises
    ------
    InputError
        If there are fewer vectors than the index needs for training.
    """
    where = place_of(config)
    index = open_factory(config.index, rows.d, where)
    kept = _calm(index)
    try:
        if not index.is_trained:
            index.train(_training_rows(index, rows))
        for block in rows.blocks(ADD_ROWS):
            index.add(block)
    except RuntimeError as error:
        raise InputError(
            f"FAISS cannot train {config.index!r} on {rows.n} vectors: {_reason(error)}",
            expected="more vectors than the index has lists, centroids or dimensions to keep",
            where=where,
            remedy=f"choose an index without training, such as HNSW32, or at most IVF{max(1, rows.n // 39)}",
        ) from error
    del kept
    check_metric(index, config.index, where)
    put_settings(index, {name: getattr(config, name) for name in SETTINGS})
    return index


def put_chain(index: Any, transform: Transform, truncate_dim: int | None = None) -> Any:
    """Return the index with centring, linear map, truncation and normalisation in front; it must be filled before.

    Centring is a step of its own: as the bias of the linear map it loses precision where the mean is much longer than
    the spread (relative error 4e-5 instead of 4e-6 at 100 standard deviations).
    """
    import faiss

    # A new layer even where the factory string made one: that one would free the steps that Python frees as well.
    chained = faiss.IndexPreTransform(index)
    chained.prepend_transform(faiss.NormalizationTransform(truncate_dim or transform.dimension_out, 2.0))
    if truncate_dim is not None:
        # False: not spread out, but the first dimensions; FAISS's stub knows the list of dimensions alone.
        first = faiss.RemapDimensionsTransform(transform.dimension_out, truncate_dim, False)  # type: ignore[arg-type]
        chained.prepend_transform(first)
    if transform.matrix is not None:
        chained.prepend_transform(_linear(transform))
    if transform.mean.any():
        centring = faiss.CenteringTransform(transform.dimension_in)
        faiss.copy_array_to_vector(transform.mean.astype(np.float32), centring.mean)
        centring.is_trained = True
        chained.prepend_transform(centring)
    return chained


def _linear(transform: Transform) -> Any:
    import faiss

    matrix = np.asarray(transform.matrix)
    linear = faiss.LinearTransform(transform.dimension_in, transform.dimension_out, False)
    # FAISS keeps one row an output dimension.
    faiss.copy_array_to_vector(np.ascontiguousarray(matrix.T, dtype=np.float32).ravel(), linear.A)
    linear.is_trained = True
    # Set after writing A: it would let FAISS invert a map that is not orthonormal.
    linear.is_orthonormal = False
    return linear


def _training_rows(index: Any, rows: Rows) -> NDArray[np.float32]:
    """Return evenly spaced rows, as many as k-means uses."""
    lists = max((int(layer.nlist) for layer in layers(index) if hasattr(layer, "nlist")), default=1)
    step = max(1, rows.n // max(TRAIN_ROWS, lists * _ROWS_PER_LIST))
    kept, start = [], 0
    for block in rows.blocks(ADD_ROWS):
        kept.append(block[-start % step :: step])
        start += len(block)
    return np.ascontiguousarray(np.concatenate(kept), dtype=np.float32)


def _calm(index: Any) -> list[Any]:
    """Keep k-means from warning on stderr of few vectors a centroid: the measured recall says what they cost.

    Return what has to live until the index is trained.
    """
    kept = []
    for layer in layers(index):
        kept += _rotations(layer)
        for owner in (layer, getattr(layer, "pq", None), *kept):
            clustering = getattr(owner, "cp", None)
            if clustering is not None:
                clustering.min_points_per_centroid = 1
    return kept


def _rotations(layer: Any) -> list[Any]:
    """Give OPQ the quantisers that it learns its rotations with, and return them: those of its own making warn."""
    import faiss

    rotations = [step for step in steps_before(layer) if isinstance(step, faiss.OPQMatrix)]
    quantisers = [faiss.ProductQuantizer(step.d_out, step.M, 8) for step in rotations]
    for step, quantiser in zip(rotations, quantisers, strict=True):
        step.pq = quantiser
    return quantisers


def _reason(error: RuntimeError) -> str:
    """Return FAISS' message without the C++ function that it came from."""
    return re.sub(r"^Error in .* at \S+:\d+: (Error: )?", "", str(error), flags=re.DOTALL).strip()
