"""Which settings of a search are worth trying, from the fastest to the one that finds most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from sphering.export.protocol import Settings

CANDIDATES = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Of a graph; a search for the k best looks at k at least."""
RESCORED = (1, 4, 16, 64)
"""How many times k rows are scored again with their full vectors."""


def partitions(count: int) -> list[int]:
    """Return numbers of partitions to look into: 1, 2, 3, 4, 6, 8, 12 … and all of them."""
    steps = (base << step for step in range(count.bit_length()) for base in (2, 3))
    return sorted({1, count, *(number for number in steps if number < count)})


def nested(values: Mapping[str, Sequence[int]]) -> Sequence[Settings]:
    """Return every combination of values, the last setting rising first; nothing where there is no setting."""
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())] if values else ()
