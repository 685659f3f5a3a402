"""How many candidates are worth trying in the search of a graph."""

from __future__ import annotations

CANDIDATES = (10, 16, 32, 64, 128, 256, 512, 1024)
"""From the fastest on; a search for k best looks at k at least."""
