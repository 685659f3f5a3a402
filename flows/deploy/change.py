"""What became of one thing that is deployed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class Difference:
    """What of a thing was otherwise; `old` and `new` say it where that is short."""

    name: str
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True)
class Change:
    """A thing on the server, and what was done to it; `differed` says what of it was otherwise."""

    kind: str
    name: str
    state: State
    differed: tuple[Difference, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain JSON values."""
        short = [each for each in self.differed if each.new is not None]
        return {
            "kind": self.kind,
            "name": self.name,
            "state": self.state,
            "differed": [each.name for each in self.differed],
            "old": {each.name: each.old for each in short},
            "new": {each.name: each.new for each in short},
        }


def differing(
    there: Mapping[str, Any], wanted: Mapping[str, Any], said: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return what is wanted and is otherwise there; of the names in `said` as it was and as it is."""
    found = ((name, there.get(name), value) for name, value in wanted.items())
    return tuple(
        Difference(name, old, new) if name in said else Difference(name) for name, old, new in found if old != new
    )
