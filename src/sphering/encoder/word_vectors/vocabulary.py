"""The words of a file and their vectors: the words in memory, the vectors on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering import interruption
from sphering.encoder.spill import Spill
from sphering.encoder.word_vectors.binary_file import read_binary
from sphering.encoder.word_vectors.layout import read_layout, unreadable
from sphering.encoder.word_vectors.text_file import read_text


class Vocabulary:
    """Words, in the order of their file, with their vectors; of a word that comes twice the first is taken.

    Parameters
    ----------
    rows : dict
        The row of each word.
    vectors : Spill
        (n, d) float32.
    dimension : int
    """

    def __init__(self, rows: dict[str, int], vectors: Spill, dimension: int) -> None:
        self.rows = rows
        self.vectors = vectors
        self.dimension = dimension

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, words: list[str]) -> NDArray[np.int64]:
        """Return the row of each word, (n,) int64, -1 where there is none."""
        return np.fromiter((self.rows.get(word, -1) for word in words), np.int64, len(words))


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a file of word vectors.

    Raises
    ------
    ModelError
        If it is malformed, or a number is not finite.
    StorageError
        If the temporary folder has no room for the vectors.
    """
    layout = read_layout(path)
    rows: dict[str, int] = {}
    vectors = Spill(np.float32, layout.dimension)
    for encoded, block in (read_binary if layout.binary else read_text)(path, layout):
        interruption.check()
        words = _decoded(encoded)
        _refuse_not_finite(path, words, block)
        fresh = [position for position, word in enumerate(words) if _add(rows, word)]
        vectors.append(block if len(fresh) == len(words) else block[fresh])
    if not rows:
        raise unreadable(path, "it has no word")
    return Vocabulary(rows, vectors, layout.dimension)


def _add(rows: dict[str, int], word: str) -> bool:
    before = len(rows)
    rows.setdefault(word, before)
    return len(rows) > before


def _decoded(words: pa.Array) -> list[str]:
    """Return words as strings; one that is no UTF-8 becomes one that no text can hold."""
    try:
        decoded: list[str] = words.cast(pa.string()).to_pylist()
    except pa.ArrowInvalid:
        decoded = [word.decode(errors="surrogateescape") for word in words.to_pylist()]
    return decoded


def _refuse_not_finite(path: Path, words: list[str], block: NDArray[np.float32]) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        raise unreadable(path, f"the vector of {words[int(np.argmin(finite))][:40]!r} holds NaN or infinity")
