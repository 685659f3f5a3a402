"""What `sphering verify` looked at, and what it found wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sphering.errors import IntegrityError, NotFoundError


@dataclass
class Findings:
    """What `verify` looked at and what it found wrong."""

    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[dict[str, str]] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def check(self, kind: str, name: str, look: Callable[[], Any]) -> Any:
        """Count one thing, look at it, and note what its check says is wrong."""
        self.checked[kind] = self.checked.get(kind, 0) + 1
        try:
            return look()
        except (IntegrityError, NotFoundError) as error:
            self.wrong.append({"kind": kind, "name": name, "found": error.found, "where": error.where or ""})
            return None

    def to_json(self) -> dict[str, Any]:
        """Return the findings as plain JSON values."""
        return {"sound": self.sound, "checked": dict(self.checked), "wrong": list(self.wrong)}
