"""What became of one thing that is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class Change:
    """A thing on the server, and what was done to it; `differed` names what of it was otherwise."""

    kind: str
    name: str
    state: State
    differed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain JSON values."""
        return {"kind": self.kind, "name": self.name, "state": self.state, "differed": list(self.differed)}


def differing(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of what is wanted and is otherwise there."""
    return tuple(name for name, value in wanted.items() if there.get(name) != value)
