"""The elements of a JSON array, found by its structure alone, so that a bad element spoils only itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.errors import SourceError
from sphering.source.splitting import EXCERPT_BYTES, blocks_without_bom

_QUOTE, _BACKSLASH, _COMMA, _SPACE = b'"\\, '
_DEPTH = np.zeros(256, np.int8)
_DEPTH[list(b"[{")] = 1
_DEPTH[list(b"]}")] = -1
_STRUCTURAL = _DEPTH != 0
_STRUCTURAL[_COMMA] = True


class Structure:
    """Where commas between elements and the end of the array lie; knows strings, escapes and depth across blocks."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def boundaries(self, block: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int | None]:
        """Return the positions of top-level commas in the block, and that of the closing bracket (None: not here)."""
        quotes = self._quotes(block)
        places = np.flatnonzero(_STRUCTURAL[block])
        inside = (np.searchsorted(quotes, places) + self._in_string) % 2 == 1
        places = places[~inside]
        depths = self._depth + np.cumsum(_DEPTH[block[places]], dtype=np.int64)
        self._in_string = bool((len(quotes) + self._in_string) % 2)
        self._depth = int(depths[-1]) if len(depths) else self._depth
        closed = np.flatnonzero(depths <= 0)
        end = int(places[closed[0]]) if len(closed) else None
        commas = places[(depths == 1) & (block[places] == _COMMA)]
        return (commas if end is None else commas[commas < end]), end

    def _quotes(self, block: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the positions of quotes that no backslash escapes: those after a run of odd length are escaped."""
        quotes = np.flatnonzero(block == _QUOTE)
        slashes = np.flatnonzero(block == _BACKSLASH)
        if not len(slashes):
            if self._escaped:
                quotes = quotes[quotes != 0]
            self._escaped = False
            return quotes
        first = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        starts = slashes[first]
        lengths = np.diff(first, append=len(slashes))
        odd = lengths % 2 == 1
        after = starts + lengths
        if self._escaped and starts[0] == 0:
            odd[0] = ~odd[0]
        escaped = after[odd]
        if self._escaped and starts[0] != 0:
            escaped = np.append(escaped, 0)
        self._escaped = bool(odd[-1] and after[-1] == len(block))
        return quotes[~np.isin(quotes, escaped)]


@dataclass(frozen=True)
class Elements:
    """Consecutive elements, or one that is over the limit.

    Parameters
    ----------
    first : int
        The number of the first element, from 1.
    values : (n,) binary
        The elements as they stand in the file; of one over the limit, its beginning.
    over : bool
        Whether this is one element over the limit.
    """

    first: int
    values: pa.Array
    over: bool = False


class _Assembly:
    """Puts elements together from blocks; an element that is over the limit is not kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0
        self._number = 1

    def add(self, data: bytes) -> None:
        if self._length <= self._limit:
            self._parts.append(data)
        self._length += len(data)
        if self._length > self._limit:
            self._parts = [b"".join(self._parts)[:EXCERPT_BYTES]]

    def take(self, data: bytes, bounds: NDArray[np.int64]) -> Iterator[Elements]:
        """Yield the elements that end at `bounds` in `data`; what follows the last is the next block's business."""
        self.add(data[: bounds[0]])
        yield self._head()
        if len(bounds) > 1:
            body = np.frombuffer(data[: bounds[-1]], np.uint8).copy()
            body[bounds[:-1]] = _SPACE
            offsets = pa.py_buffer(bounds.astype(np.int32))
            values = pa.Array.from_buffers(pa.binary(), len(bounds) - 1, [None, offsets, pa.py_buffer(body)])
            yield self._counted(values)
        self.add(data[bounds[-1] + 1 :])

    def _head(self) -> Elements:
        over, value = self._length > self._limit, b"".join(self._parts)
        self._parts, self._length = [], 0
        return self._counted(pa.array([value], pa.binary()), over=over)

    def _counted(self, values: pa.Array, *, over: bool = False) -> Elements:
        elements = Elements(self._number, values, over)
        self._number += len(values)
        return elements


def elements(stream: Any, limit: int, shown: str) -> Iterator[Elements]:
    """Yield the elements of the array that the stream holds.

    Raises
    ------
    SourceError
        If the stream holds no array, or one that is not closed, or anything after it.
    """
    blocks = blocks_without_bom(stream)
    assembly, structure = _Assembly(limit), Structure()
    opened = empty = False
    for block in blocks:
        if not opened:
            block = block.lstrip(b" \t\r\n")
            if not block:
                continue
            _require_array(block, shown)
            opened = empty = True
            structure.boundaries(np.frombuffer(b"[", np.uint8))
            block = block[1:]
        commas, end = structure.boundaries(np.frombuffer(block, np.uint8))
        content = block[:end]
        if end is None and not len(commas):
            empty = empty and not content.strip()
            assembly.add(content)
            continue
        empty = empty and not len(commas) and not content.strip()
        if not empty:
            yield from assembly.take(block, commas if end is None else np.append(commas, end))
        if end is not None:
            _require_end(block[end + 1 :], blocks, shown)
            return
    if opened:
        raise SourceError(
            "the JSON array is not closed",
            expected="a closing ] at the end of the file",
            where=shown,
            remedy="restore the file: it was cut off, or a quote or a bracket in it has no partner",
        )


def _require_array(block: bytes, shown: str) -> None:
    if not block.startswith(b"["):
        raise SourceError(
            f"the file begins with {block[:1].decode(errors='replace')!r}",
            expected="a JSON array of objects or of strings",
            where=shown,
            remedy='for one object a line set [source] format = "jsonl"',
        )


def _require_end(rest: bytes, blocks: Iterator[bytes], shown: str) -> None:
    while not rest.strip():
        following = next(blocks, None)
        if following is None:
            return
        rest = following
    raise SourceError(
        f"{rest.strip()[:20].decode(errors='replace')!r} follows the end of the JSON array",
        expected="one array and nothing else",
        where=shown,
        remedy='for several values in one file set [source] format = "jsonl" and write one object a line',
    )
