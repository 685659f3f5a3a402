"""Blocks of rows, in other portions than they come in, or read while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray


def ahead(blocks: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the same blocks; a thread gets the next one meanwhile, so that memory is two of them."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


class Stream:
    """Blocks of rows, taken in portions of any size."""

    def __init__(self, blocks: Iterator[NDArray[Any]]) -> None:
        self._blocks = blocks
        self._rest: NDArray[Any] | None = None

    def take(self, count: int) -> Iterator[NDArray[Any]]:
        """Yield the next `count` rows in blocks."""
        while count:
            block = next(self._blocks) if self._rest is None else self._rest
            self._rest = block[count:] if len(block) > count else None
            yield block[:count]
            count -= len(block[:count])
