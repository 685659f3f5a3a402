"""Zipfian whitening: word vectors whose mean under p(word) is zero and whose covariance under p(word) is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sphering import interruption
from sphering.encoder.spill import Spill
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.moments import half_ulp
from sphering.geometry.spectrum import eigen, noise_level

if TYPE_CHECKING:
    from sphering.encoder.word_vectors.vocabulary import Vocabulary

BLOCK_ROWS = 8192


def whitened(vocabulary: Vocabulary, p: NDArray[np.float64]) -> Spill:
    """Return the vectors W (v − μ), (n, d) float32.

    μ = Σ p v and S = Σ p (v − μ)(v − μ)' over the words, W = U Λ^(−1/2) U' with S = U Λ U' (Yokoi, Bao, Kurita and
    Shimodaira 2024, "Zipfian Whitening"; theirs has no U', which turns all vectors alike). A sentence is the plain mean
    of its words' vectors: frequent words are frequent in it, too. Directions below the rounding of the file's numbers
    are dropped. Float64, in blocks of 8,192 rows, on one BLAS thread.

    Cost: 4 n d² operations.

    Parameters
    ----------
    vocabulary : Vocabulary
    p : (n,) float64
        Need not add up to 1.
    """
    share = p / p.sum()
    mean = np.zeros(vocabulary.dimension)
    square = 0.0
    with one_blas_thread():
        for rows, block in _blocks(vocabulary.vectors):
            mean += share[rows] @ block
            square += float(share[rows] @ (block * block).sum(axis=1))
        covariance = np.zeros((vocabulary.dimension, vocabulary.dimension))
        for rows, block in _blocks(vocabulary.vectors):
            weighted = np.sqrt(share[rows])[:, None] * (block - mean)
            covariance += weighted.T @ weighted
        matrix = _inverse_root(covariance, square)
        found = Spill(np.float32, vocabulary.dimension)
        for _, block in _blocks(vocabulary.vectors):
            found.append((block - mean) @ matrix)
    return found


def _inverse_root(covariance: NDArray[np.float64], mean_square: float) -> NDArray[np.float64]:
    values, vectors = eigen(covariance)
    level = noise_level(max(float(values[0]), 0.0), len(values), mean_square, half_ulp(np.dtype(np.float32)))
    kept = values > level
    axes = vectors[:, kept]
    return np.asarray((axes / np.sqrt(values[kept])) @ axes.T)


def _blocks(vectors: Spill) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    for start in range(0, len(vectors), BLOCK_ROWS):
        interruption.check()
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, vectors.read(start, start + BLOCK_ROWS).astype(np.float64)
