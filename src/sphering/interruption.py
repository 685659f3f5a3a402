"""Whether the work of this process was interrupted: loops in other threads ask between two pieces of work.

An interruption is raised in the main thread alone, which then waits for the others. Without a word to them a unit of
work would be carried to its end.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import TypeVar

from sphering.errors import TerminalError

Threads = TypeVar("Threads")
_interrupted = Event()


def check() -> None:
    """Go on unless the work was interrupted.

    Raises
    ------
    TerminalError
        If it was; what was created so far is whole.
    """
    if _interrupted.is_set():
        raise TerminalError("the work was interrupted", remedy="run again: it goes on where it was")


@contextmanager
def stopping(threads: AbstractContextManager[Threads]) -> Iterator[Threads]:
    """Enter what threads work in; tell them where the block is interrupted, and let it wait for them.

    An interruption is whatever is raised that is no error: Ctrl-C, or the signal of a scheduler.
    """
    # Polars takes SIGINT over so that a wait for another thread is taken up again, as if nothing had been said.
    signal.siginterrupt(signal.SIGINT, True)
    try:
        with threads as entered:
            try:
                yield entered
            except Exception:
                raise
            except BaseException:
                _interrupted.set()
                raise
    finally:
        _interrupted.clear()
