"""What `sphering verify` looked at, and what it found wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sphering.errors import IntegrityError, NotFoundError, SpheringError


@dataclass(frozen=True)
class Reencoded:
    """How a sample of a snapshot's distinct texts, encoded again, stands to the stored vectors.

    `n` of `texts` distinct texts were drawn with `seed`; `equal` of them gave the same bits. `max_difference` is the
    largest |difference| of two components and `max_cosine_distance` that of 1 − cos; None where a vector is not finite.
    """

    snapshot: str
    encoder: str
    n: int
    texts: int
    seed: int
    equal: int
    max_difference: float | None
    max_cosine_distance: float | None
    max_drift: float

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass
class Findings:
    """What `verify` looked at, what it found wrong, and what could not be looked at wholly for want of a library.

    `reencoded` says how a sample of texts stands that was encoded again; None where that was not asked for.
    """

    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[dict[str, str]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    reencoded: Reencoded | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def check(self, kind: str, name: str, look: Callable[[], Any], where: str = "") -> Any:
        """Count one thing, look at it, and note what its check says is wrong.

        Parameters
        ----------
        where : str
            The file that is looked at; an error that names a place of its own goes first.
        """
        self.count(kind)
        return self.look(kind, name, look, where)

    def count(self, kind: str) -> None:
        """Count one thing that is looked at."""
        self.checked[kind] = self.checked.get(kind, 0) + 1

    def look(self, kind: str, name: str, look: Callable[[], Any], where: str = "") -> Any:
        """Look at a part of a thing that is counted already, as `check` does; return None where it is wrong."""
        try:
            return look()
        except (IntegrityError, NotFoundError) as error:
            self.note(kind, name, error.found, error.where or where)
        except (KeyError, TypeError) as error:  # a sealed document, but of another kind
            self.note(kind, name, f"the fields of this file are not those of a {kind}: {error}", where)
        return None

    def note(self, kind: str, name: str, found: str, where: str) -> None:
        """Note that something is wrong."""
        self.wrong.append({"kind": kind, "name": name, "found": found, "where": where})

    def skip(self, kind: str, name: str, error: SpheringError) -> None:
        """Note that a part of a thing was not looked at, why, and what would let it be."""
        self.skipped.append({"kind": kind, "name": name, "found": error.found, "remedy": error.remedy or ""})

    def has(self, kind: str, name: str) -> bool:
        """Return whether something of this kind and name is wrong."""
        return any((entry["kind"], entry["name"]) == (kind, name) for entry in self.wrong)

    def to_json(self) -> dict[str, Any]:
        """Return the findings as plain JSON values."""
        reencoded = self.reencoded.to_json() if self.reencoded else None
        return {
            "sound": self.sound,
            "checked": dict(self.checked),
            "wrong": list(self.wrong),
            "skipped": list(self.skipped),
            "reencoded": reencoded,
        }
