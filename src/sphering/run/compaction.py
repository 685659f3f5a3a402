"""Which of the parent's shards are written anew beside what is new: nights must not leave ever more small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BUDGET = 2
"""Most bytes that are written again for each byte that is new."""
_SMALL = 4


@dataclass(frozen=True)
class Staying:
    """What stays in a shard of the parent: documents and their bytes; `rows` is what its file holds."""

    shard: int
    documents: int
    bytes: int
    rows: int


def shards_to_rewrite(staying: Sequence[Staying], unit_rows: int, new_bytes: int) -> list[int]:
    """Return the positions of shards to be written anew.

    Those are shards of whose rows more than half are dropped, or in which fewer than a quarter of `unit_rows` stay. The
    oldest go first, as long as all of them come to no more than twice the bytes of what is new: nothing new, nothing
    rewritten.

    Parameters
    ----------
    staying : sequence of Staying
        Oldest first.
    unit_rows : int
        The texts of a full shard.
    new_bytes : int
        What is written tonight in any case.
    """
    left = BUDGET * new_bytes
    chosen = []
    for entry in staying:
        poor = 2 * entry.documents < entry.rows or _SMALL * entry.documents < unit_rows
        if poor and entry.bytes <= left:
            chosen.append(entry.shard)
            left -= entry.bytes
    return chosen
