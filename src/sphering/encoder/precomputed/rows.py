"""Every text with its vector, whatever the files are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.encoder import PrecomputedConfig
from sphering.encoder.precomputed.files import VectorFiles
from sphering.encoder.precomputed.matrix import read_header, read_matrix
from sphering.encoder.precomputed.table import first_dimension, read_table
from sphering.errors import ModelError


def dimension_of(files: VectorFiles, config: PrecomputedConfig) -> int:
    """Return how long the vectors are; reads no more than the beginning of a file.

    Raises
    ------
    ModelError
        If the files cannot be read or hold no vector.
    """
    if files.texts is not None:
        return read_header(files.vectors[0]).columns
    dimension = next((found for path in files.vectors if (found := first_dimension(path, config))), None)
    if dimension is None:
        raise ModelError(
            f"the column {config.column!r} holds no vector",
            expected="a vector a text",
            where=files.shown,
            remedy="make the vectors, then run again",
        )
    return dimension


def text_vectors(
    files: VectorFiles, config: PrecomputedConfig, dimension: int
) -> Iterator[tuple[Path, pa.Array, NDArray[np.float32]]]:
    """Yield (file, texts (n,) string, vectors (n, d) float32), every row once and in order; a text may be null.

    Raises
    ------
    ModelError
        If a file cannot be read, or a vector has another dimension.
    """
    for path in files.vectors:
        blocks = (
            read_table(path, config, dimension) if files.texts is None else read_matrix(path, files.texts, config.text)
        )
        for texts, vectors in blocks:
            yield path, texts, vectors
