"""Lines out of a stream of bytes, by the block, without ever holding a line that is over its limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.source.block import BLOCK_BYTES

BOM = b"\xef\xbb\xbf"
EXCERPT_BYTES = 1024


@dataclass(frozen=True)
class Piece:
    """Whole lines, or one line that is over the limit.

    Parameters
    ----------
    first : int
        The number of the first line, from 1.
    data : bytes
        The lines, each with its newline (the file's last may lack it); of a line over the limit, its beginning.
    over : bool
        Whether this is one line over the limit.
    """

    first: int
    data: bytes
    over: bool = False

    @property
    def lines(self) -> int:
        """How many lines these are."""
        return 1 if self.over else self.data.count(b"\n") + (not self.data.endswith(b"\n"))


def blocks_without_bom(stream: Any, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the stream in blocks of `size` bytes, without a byte order mark at its beginning."""
    block = bytes(stream.read(size))
    block = block.removeprefix(BOM)
    while block:
        yield block
        block = bytes(stream.read(size))


class _Pending:
    """The unfinished line at the end of a block: kept up to the limit, after that only counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self.length = 0

    @property
    def over(self) -> bool:
        return self.length > self._limit

    def add(self, part: bytes) -> None:
        if part and not self.over:
            self._parts.append(part)
        self.length += len(part)
        if self.over:
            self._parts = [b"".join(self._parts)[:EXCERPT_BYTES]]

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts, self.length = [], 0
        return data


def pieces(stream: Any, limit: int) -> Iterator[Piece]:
    """Yield whole lines, ended by a newline, and apart from them each line that runs on over `limit` bytes.

    A line that is over the limit but lies within one block may come among the others: their reader checks lengths.
    Memory: the limit and one block.
    """
    pending = _Pending(limit)
    number = 1
    for block in blocks_without_bom(stream):
        end = block.find(b"\n") + 1
        if pending.length and end:
            pending.add(block[:end])
            piece = Piece(number, over=pending.over, data=pending.take())
            yield piece
            number += 1
            block = block[end:]
        last = block.rfind(b"\n") + 1
        if last:
            piece = Piece(number, block[:last])
            yield piece
            number += piece.lines
        pending.add(block[last:])
    if pending.length:
        yield Piece(number, over=pending.over, data=pending.take())


def split(piece: Piece) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return a piece's lines without their ends (LF or CRLF), (n,) binary, and their numbers, (n,) int64."""
    data = piece.data.replace(b"\r\n", b"\n").removesuffix(b"\n")
    lists = pc.split_pattern(pa.array([data], pa.binary()), pattern="\n")
    lines = lists.flatten()
    return lines, np.arange(piece.first, piece.first + len(lines), dtype=np.int64)
