"""Blocks of rows in other portions than they come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray


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
