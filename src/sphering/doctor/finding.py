"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warns", "fails"]


@dataclass(frozen=True)
class Finding:
    """One check: its state, what was found, and the mend where there is something to mend.

    `fails` means that a run would fail, `warns` that it would work but not as well as it might.
    """

    check: str
    state: State
    found: str
    mend: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the finding as plain JSON values."""
        return {"check": self.check, "state": self.state, "found": self.found, "mend": self.mend}
