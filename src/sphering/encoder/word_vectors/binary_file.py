"""Word vectors as word2vec writes them in binary: a word, a space, d numbers of four bytes, perhaps a line feed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.encoder.word_vectors.layout import UNREADABLE, Layout, opened, unreadable

CHUNK_BYTES = 16 << 20
_LONGEST_WORD = 1 << 16


def read_binary(path: Path, layout: Layout) -> Iterator[tuple[pa.Array, NDArray[np.float32]]]:
    """Yield words, (n,) binary, and their vectors, (n, d) float32.

    Raises
    ------
    ModelError
        If the file ends before as many words as its first line announces, or goes on after them.
    """
    wanted, done, rest = layout.words or 0, 0, b""
    width = 4 * layout.dimension
    with opened(path) as stream:
        try:
            stream.readline()
            while done < wanted:
                chunk = stream.read(max(CHUNK_BYTES, width))
                data = rest + chunk
                words, offsets, end = _entries(data, width, wanted - done)
                if not words and (not chunk or len(data) > _LONGEST_WORD + width):
                    raise unreadable(path, f"it ends after {done} of {wanted} words")
                rest, done = data[end:], done + len(words)
                if words:
                    yield pa.array(words, pa.binary()), _vectors(data, offsets, layout.dimension)
            rest += stream.read(1 << 10)
        except UNREADABLE as error:
            raise unreadable(path, str(error)) from error
    if rest.strip(b"\r\n"):
        raise unreadable(path, f"it goes on after the {wanted} words that its first line announces")


def _entries(data: bytes, width: int, most: int) -> tuple[list[bytes], list[int], int]:
    """Return the words that are whole in the data, where each one's numbers begin, and where the rest does."""
    words: list[bytes] = []
    offsets: list[int] = []
    position = 0
    while len(words) < most:
        space = data.find(b" ", position)
        if space < 0 or space + 1 + width > len(data):
            break
        words.append(data[position:space].lstrip(b"\n"))
        offsets.append(space + 1)
        position = space + 1 + width
    return words, offsets, position


def _vectors(data: bytes, offsets: list[int], dimension: int) -> NDArray[np.float32]:
    taken = np.array(offsets)[:, None] + np.arange(4 * dimension)
    return np.frombuffer(data, np.uint8)[taken].view("<f4").astype(np.float32)
