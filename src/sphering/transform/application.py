"""The application of an affine map and normalisation, with the same bits for a row in any batch.

Everything is float64, the cast to float32 comes last. A row's product still depends on which BLAS kernel computes it: a
single row takes a matrix-vector kernel, the last odd rows of a batch an edge kernel, and up to a quarter of their
numbers differ in the last bits. So every product has a number of rows that is a multiple of 64, padded where needed:
measured equal in all bits for 64 to 20,000 rows and 1 and 2 threads, where 1, 2, 3, 5, 31, 257 rows are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.cores import available_cores
from sphering.errors import InputError
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.gram import Array
from sphering.geometry.moments import half_ulp

BLOCK_ROWS = 512
ROW_MULTIPLE = 64
_NOISE_MARGIN = 16.0


def apply_affine(vectors: NDArray[Any], mean: Array, matrix: Array | None) -> NDArray[np.float32]:
    """Return normalise((x − mean) W) for each row x, zero rows where the image is nothing but rounding noise.

    A row is stored with a relative rounding error of half an ulp (2^-24 for float32) in each coordinate. The map turns
    that into an error of about ulp · ‖x‖ · ‖W‖_F/√d. Where ‖z‖ is at most 16 times this, the direction of z is noise:
    the row becomes zero. Without a map only a zero vector does.

    Parameters
    ----------
    vectors : ndarray, shape (n, d), float16, float32 or float64
    mean : ndarray, shape (d,), float64
    matrix : ndarray, shape (d, k), float64, or None for the identity

    Returns
    -------
    ndarray, shape (n, k), float32, C-contiguous

    Raises
    ------
    InputError
        If a row is not finite.
    """
    width = len(mean) if matrix is None else matrix.shape[1]
    out = np.empty((len(vectors), width), dtype=np.float32)
    noise = noise_share(matrix, vectors.dtype)

    def work(starts: Iterable[int]) -> None:
        scratch = np.empty((BLOCK_ROWS, len(mean)))
        for start in starts:
            _apply_block(vectors, out, start, (mean, matrix), (noise, scratch))

    starts = range(0, len(vectors), BLOCK_ROWS)
    workers = min(available_cores(), len(starts) // 8)
    with one_blas_thread():
        if workers < 2:
            work(starts)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, (starts[worker::workers] for worker in range(workers))))
    return out


def noise_share(matrix: Array | None, dtype: np.dtype[Any]) -> float:
    """Return up to which share of a row's own norm that of its image is nothing but rounding noise.

    Parameters
    ----------
    matrix : ndarray, shape (d, k), float64, or None for the identity
    dtype : numpy.dtype
        What the rows are stored in.
    """
    gain = 1.0 if matrix is None else float(np.sqrt(np.sum(matrix**2) / len(matrix)))
    return _NOISE_MARGIN * half_ulp(dtype) * gain


def affine_image(vectors: NDArray[Any], mean: Array, matrix: Array | None) -> Array:
    """Return (x − mean) W for each row x, in float64 and not normalised; a row's bits do not depend on its batch.

    Parameters
    ----------
    vectors : ndarray, shape (n, d), float16, float32 or float64
    mean : ndarray, shape (d,), float64
    matrix : ndarray, shape (d, k), float64, or None for the identity

    Returns
    -------
    ndarray, shape (n, k), float64
    """
    image = np.empty((len(vectors), len(mean) if matrix is None else matrix.shape[1]))
    scratch = np.empty((BLOCK_ROWS, len(mean)))
    with one_blas_thread():
        for start in range(0, len(vectors), BLOCK_ROWS):
            block = vectors[start : start + BLOCK_ROWS]
            padded = _padded(block, scratch)
            padded -= mean
            product = padded if matrix is None else padded @ matrix
            image[start : start + len(block)] = product[: len(block)]
    return image


def _padded(block: NDArray[Any], scratch: Array) -> Array:
    """Return the rows of a block in float64, with rows of zeros up to a multiple of 64."""
    padded = scratch[: -(-len(block) // ROW_MULTIPLE) * ROW_MULTIPLE]
    padded[: len(block)] = block
    padded[len(block) :] = 0.0
    return padded


def _apply_block(
    vectors: NDArray[Any],
    out: NDArray[np.float32],
    start: int,
    affine: tuple[Array, Array | None],
    working: tuple[float, Array],
) -> None:
    """Fill one block of the result."""
    mean, matrix = affine
    noise, scratch = working
    block = vectors[start : start + BLOCK_ROWS]
    rows = len(block)
    padded = _padded(block, scratch)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", padded, padded))
    _check_finite(lengths[:rows], start)
    padded -= mean
    image = padded if matrix is None else padded @ matrix
    norms = np.sqrt(np.einsum("ij,ij->i", image, image))
    meaningful = norms > noise * lengths
    meaningful &= lengths > 0.0
    image /= np.where(meaningful, norms, 1.0)[:, None]
    image[~meaningful] = 0.0
    out[start : start + rows] = image[:rows]


def _check_finite(lengths: Array, start: int) -> None:
    finite = np.isfinite(lengths)
    if not finite.all():
        raise InputError(
            f"{int((~finite).sum())} rows of a block are not finite",
            expected="finite vectors",
            where=f"row {start + int(np.argmin(finite))}",
            remedy="quarantine what the encoder could not encode before the transform is applied",
        )
