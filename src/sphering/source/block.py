"""What a reader gives: blocks of consecutive rows as Arrow columns, still unchecked bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sphering.source.opened import OpenedFile

BLOCK_ROWS = 4096
BLOCK_BYTES = 1 << 20
_LONGEST_ESCAPE = 6  # one byte of text may be written as \u0061
_ROOM_FOR_METADATA = 1 << 20


@dataclass(frozen=True)
class Layout:
    """Which columns a row has, and how long it may be.

    Parameters
    ----------
    id : str or None
        The id's column; None where ids are made from the content.
    text : str
        The text's column.
    metadata : tuple of str
        The metadata columns, sorted by name.
    order : str or None
        The column that orders rows of one id.
    deleted : str or None
        The column that says whether a row removes its id.
    id_given : bool
        Whether the configuration names the id's column; if not, readers of rows without columns take the place.
    max_bytes : int
        The longest text in UTF-8 bytes.
    """

    id: str | None
    text: str
    metadata: tuple[str, ...] = ()
    order: str | None = None
    deleted: str | None = None
    id_given: bool = False
    max_bytes: int = 1_000_000

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        names = (self.id, self.text, *self.metadata, self.order, self.deleted)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def row_bytes(self) -> int:
        """The longest row in a file, in bytes: a text of `max_bytes`, all of it escaped, beside its metadata."""
        return _LONGEST_ESCAPE * self.max_bytes + _ROOM_FOR_METADATA


@dataclass(frozen=True)
class Rejected:
    """A row that became no document.

    Parameters
    ----------
    row : int
        The row or line in its file, from 1.
    reason, detail : str
        One word of `reasons`, and a sentence.
    excerpt : bytes
        The beginning of the row or the text, as it was read.
    doc_id : str or None
        The row's id where it is known.
    """

    row: int
    reason: str
    detail: str
    excerpt: bytes = b""
    doc_id: str | None = None


@dataclass(frozen=True)
class Block:
    """Rows of one file in their order.

    Parameters
    ----------
    rows : (n,) int64
        The row or line of each in its file, from 1.
    text, id : pyarrow.Array
        Strings or bytes, unchecked; `id` may hold integers, and is None where rows have none.
    metadata : mapping of str to pyarrow.Array
        The metadata columns that the rows have; strings unchecked.
    order, deleted : pyarrow.Array or None
        The values of the order column, and of the one that says what is removed.
    names : frozenset of str
        The columns seen, wanted or not.
    rejected : tuple of Rejected
        Rows that could not be parsed at all.
    """

    rows: NDArray[np.int64]
    text: pa.Array
    id: pa.Array | None = None
    metadata: Mapping[str, pa.Array] = field(default_factory=dict)
    order: pa.Array | None = None
    deleted: pa.Array | None = None
    names: frozenset[str] = frozenset()
    rejected: tuple[Rejected, ...] = ()


class Reader(Protocol):
    """One file format.

    A module ``sphering/source/read_<format>.py`` holds one as ``READER``; that is all it takes to be found.
    """

    format: str
    suffixes: tuple[str, ...]
    has_columns: bool

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the file's rows; every row is in a block or in its `rejected`, none twice.

        Memory is bounded by blocks of about `BLOCK_BYTES` and `BLOCK_ROWS`, and by `layout.row_bytes`.

        Raises
        ------
        SourceError
            If the file lacks a wanted column or is not of this format at all.
        """
        ...


def nothing(rejected: tuple[Rejected, ...]) -> Block:
    """Return a block of no rows that carries `rejected`."""
    return Block(rows=np.empty(0, np.int64), text=pa.array([], pa.binary()), rejected=rejected)


def place_ids(name: str, rows: NDArray[np.int64]) -> pa.Array:
    """Return the ids ``<name>:<row>`` of rows that have no id of their own."""
    numbers = pa.array(rows).cast(pa.string())
    return pc.binary_join_element_wise(pa.scalar(f"{name}:"), numbers, pa.scalar(""))
