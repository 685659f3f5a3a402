"""What a long step says while it works, without knowing who listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """A listener to one run's steps; all amounts are increments."""

    def start(self, step: str, total: int | None = None) -> None:
        """Begin a step of `total` units (None: unknown)."""

    def advance(self, step: str, amount: int = 1, *, tokens: int = 0) -> None:
        """Count `amount` more units (documents, rows) and `tokens` more tokens of a step."""

    def finish(self, step: str) -> None:
        """End a step."""


class Silence:
    """The listener that says nothing."""

    def start(self, step: str, total: int | None = None) -> None:
        """Ignore the start of a step."""

    def advance(self, step: str, amount: int = 1, *, tokens: int = 0) -> None:
        """Ignore progress."""

    def finish(self, step: str) -> None:
        """Ignore the end of a step."""


_listener: Progress = Silence()


@contextmanager
def listen(progress: Progress) -> Iterator[None]:
    """Let `progress` hear the steps of this process while the block runs."""
    global _listener
    previous, _listener = _listener, progress
    try:
        yield
    finally:
        _listener = previous


def current() -> Progress:
    """Return the listener of this process."""
    return _listener
