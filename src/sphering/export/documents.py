"""What is known of an export before there are vectors: how many rows it has, their ids and their metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Documents:
    """The documents of an export.

    Parameters
    ----------
    n : int
        How many there are, or, where some may still be left out, the most that there can be.
    d : int or None
        The dimension of their vectors; None where only the fitted transform tells.
    held_out : int
        How many of them the probe index lacks, which recall is measured on; 0 where there are queries.
    read : callable
        Begins to read them anew: blocks of ids and of metadata as the export carries it, (m,) string each.
    """

    n: int
    d: int | None
    held_out: int
    read: Callable[[], Iterator[tuple[pa.Array, pa.Array]]]

    @property
    def trained(self) -> int:
        """Return how many vectors the smallest index that is built of them is trained on."""
        return self.n - self.held_out
