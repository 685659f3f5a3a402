"""Blocks of rows, in other portions than they come in, or read while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

Part = TypeVar("Part", bound=Any)


def ahead(blocks: Iterator[Part]) -> Iterator[Part]:
    """Yield the same blocks; a thread gets the next one meanwhile, so that memory is two of them."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


class Stream(Generic[Part]):
    """Blocks of rows, arrays of NumPy or Arrow, taken in portions of any size."""

    def __init__(self, blocks: Iterator[Part]) -> None:
        self._blocks = blocks
        self._rest: Part | None = None

    def take(self, count: int) -> Iterator[Part]:
        """Yield the next `count` rows in blocks, or as many as are left."""
        while count:
            block = next(self._blocks, None) if self._rest is None else self._rest
            if block is None:
                return
            self._rest = block[count:] if len(block) > count else None
            yield block[:count]
            count -= len(block[:count])
