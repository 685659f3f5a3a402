"""Refs: named pointers to releases, the only things in a store that move, by creating the next number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sphering.errors import RefMovedError
from sphering.store.clock import now
from sphering.store.documents import create_document, read_document
from sphering.store.files import Files
from sphering.store.layout import Layout

LATEST = "latest"
PUBLISHED = "published"
NAMES = (LATEST, PUBLISHED)
_VALUE = re.compile(r"[0-9]{8}\.json")


@dataclass(frozen=True)
class Reason:
    """Who moves a ref and why: a run, or somebody by hand; and the release that a rollback withdraws."""

    who: str
    why: str
    run: str | None = None
    withdraws: str | None = None


@dataclass(frozen=True)
class RefValue:
    """One value of a ref: a release, and who set it when and why.

    `withdraws` is the release that a rollback left: it is never published in this channel again.
    """

    number: int
    release: str
    at: str
    who: str
    why: str
    run: str | None
    withdraws: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the value as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Refs:
    """The refs of one corpus."""

    def __init__(self, files: Files, layout: Layout) -> None:
        self._files = files
        self._layout = layout

    def channels(self) -> list[str]:
        """Return the names of all channels."""
        return self._files.children(self._layout.refs)

    def keys(self, channel: str, name: str) -> list[str]:
        """Return the keys of a ref's values, oldest first; a file in its folder that is named otherwise is no value."""
        folder = self._layout.ref(channel, name)
        return [f"{folder}/{child}" for child in self._files.children(folder) if _VALUE.fullmatch(child)]

    def value(self, key: str) -> RefValue:
        """Return the value at a key, its seal checked."""
        return RefValue(**read_document(self._files, key))

    def history(self, channel: str, name: str) -> list[RefValue]:
        """Return all values of a ref, oldest first."""
        return [self.value(key) for key in self.keys(channel, name)]

    def since(self, channel: str, name: str, moment: datetime) -> list[RefValue]:
        """Return the values that a ref had at a moment or later, oldest first: the newest of before is among them."""
        history = self.history(channel, name)
        older = sum(datetime.fromisoformat(value.at) <= moment for value in history)
        return history[max(0, older - 1) :]

    def read(self, channel: str, name: str) -> RefValue | None:
        """Return the newest value of a ref, or None where it was never set."""
        keys = self.keys(channel, name)
        return self.value(keys[-1]) if keys else None

    def named(self) -> set[str]:
        """Return the releases that refs of any channel name now."""
        values = (self.read(channel, name) for channel in self.channels() for name in NAMES)
        return {value.release for value in values if value is not None}

    def withdrawn(self, channel: str) -> set[str]:
        """Return the releases that rollbacks of a channel have left."""
        return {value.withdraws for value in self.history(channel, PUBLISHED) if value.withdraws is not None}

    def all_withdrawn(self) -> set[str]:
        """Return the releases that rollbacks of any channel have left."""
        return {name for channel in self.channels() for name in self.withdrawn(channel)}

    def move(self, channel: str, name: str, release: str, *, expected: RefValue | None, reason: Reason) -> RefValue:
        """Point a ref at a release by creating its next number.

        Raises
        ------
        RefMovedError
            If the ref is no longer at `expected`: another run moved it.
        """
        number = 1 if expected is None else expected.number + 1
        value = RefValue(number, release, now(), reason.who, reason.why, reason.run, reason.withdraws)
        key = f"{self._layout.ref(channel, name)}/{number:08d}.json"
        if not create_document(self._files, key, value.to_json()):
            raise RefMovedError(
                f"the ref {channel}/{name} moved since this run began",
                expected=f"its value number {number - 1}",
                remedy="run again: the new run starts from the new value",
            )
        return value
