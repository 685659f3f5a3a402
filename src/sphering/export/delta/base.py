"""The release that a delta stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sphering.store.snapshot import Snapshot

PREFIX = "delta"
"""What the names of a delta's files begin with."""


@dataclass(frozen=True)
class DeltaBase:
    """An export that another is the successor of.

    Parameters
    ----------
    release : str
        The release that it belongs to.
    export : str
        Its id.
    snapshot : Snapshot
        Whose documents it holds.
    excluded : pyarrow.Array of string
        Those that it does not hold, by their ids.
    """

    release: str
    export: str
    snapshot: Snapshot
    excluded: pa.Array


@dataclass(frozen=True)
class NoDelta:
    """Why an export holds no delta, and against which release it would have been."""

    reason: str
    base: str | None = None

    def to_json(self) -> Mapping[str, Any]:
        """Return what the manifest says of it."""
        return {"base": self.base, "reason": self.reason}
