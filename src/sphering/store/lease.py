"""A lease: who works on a corpus, so that two runs do no work twice and nothing is collected beside a run.

It is taken as a ref moves: by creating the next number, which one of several contenders can. Its holder writes its file
again every few seconds; a file that is old by the store's clock, or whose process is gone from this machine, is no
longer held. A file that cannot be read says nothing of its holder but its age. Nothing is ever wrong without it: what a
run creates, it creates if absent.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sphering import interruption
from sphering.errors import IntegrityError, LeaseHeldError, LeaseLostError, NotFoundError, SpheringError
from sphering.store.clock import now
from sphering.store.documents import create_document, read_document, to_bytes
from sphering.store.files import Files
from sphering.store.layout import Layout
from sphering.store.processes import start_of

EXPIRES_SECONDS = 60.0
RENEW_SECONDS = 15.0
_ASK_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who holds, or held, a corpus' lease.

    `what` is a run's id or the name of a command; `started` is the process' start as the system counts it, which tells
    it from a later process of the same number.
    """

    number: int
    what: str
    host: str
    process: int
    started: str | None
    taken_at: str
    released: bool = False

    def __str__(self) -> str:
        """Return the holder in words."""
        return f"{self.what} (process {self.process} on {self.host}, since {self.taken_at})"


@dataclass(frozen=True)
class _Unreadable(Holder):
    """Who wrote a file that cannot be read: nobody of this machine, for all that is known."""

    def __str__(self) -> str:
        """Return what is known of the holder."""
        return f"a process whose lock, number {self.number}, cannot be read"


class Lease:
    """A lease that this process holds, and renews in the background until it is released."""

    def __init__(self, files: Files, layout: Layout, holder: Holder) -> None:
        self._files = files
        self._layout = layout
        self.holder = holder
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew_until_released, name="lease", daemon=True)
        self._renewing.start()

    def release(self) -> None:
        """Let others take the lease at once."""
        self._ended.set()
        self._renewing.join()
        try:
            if self._is_last():
                self._write(replace(self.holder, released=True))
        except (SpheringError, OSError) as error:  # it expires; what the run itself met is worth more
            _log.warning("the lease of %s could not be released: %s", self._layout.corpus, error)

    def _renew_until_released(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            try:
                if not self._is_last():
                    return
                self._write(self.holder)
            except (SpheringError, OSError) as error:
                _log.warning("the lease of %s could not be renewed: %s", self._layout.corpus, error)

    def _is_last(self) -> bool:
        """Return whether nobody has taken it since; a file of its own that was damaged is written anew."""
        last = newest(self._files, self._layout)
        damaged = isinstance(last, _Unreadable) and last.number == self.holder.number
        return damaged or last == self.holder

    def _write(self, holder: Holder) -> None:
        self._files.replace(self._layout.lock(holder.number), to_bytes(asdict(holder)))


def take(
    files: Files, layout: Layout, what: str, *, wait: bool, waiting: Callable[[Holder], None] = lambda _: None
) -> Lease:
    """Take the lease of a corpus.

    Parameters
    ----------
    what : str
        What the lease is for: a run's id, or a command.
    wait : bool
        Wait until it is free; else fail at once where it is held.
    waiting : callable
        Hears once of each holder that is waited for.

    Raises
    ------
    LeaseHeldError
        If it is held, and not to be waited for.
    """
    told: Holder | None = None
    while True:
        interruption.check()
        before = newest(files, layout)
        if before is None or not _holds(files, layout, before):
            lease = _take_after(files, layout, before, what)
            if lease is not None:
                return lease
            continue
        if not wait:
            raise _held(layout, before)
        if before != told:
            waiting(before)
            told = before
        time.sleep(_ASK_SECONDS)


def check_free(files: Files, layout: Layout) -> None:
    """Refuse to go on where somebody holds the lease of a corpus.

    Raises
    ------
    LeaseHeldError
        If so.
    """
    last = newest(files, layout)
    if last is not None and _holds(files, layout, last):
        raise _held(layout, last)


def newest(files: Files, layout: Layout) -> Holder | None:
    """Return who took the lease last, whether or not it is still held; None where nobody ever did."""
    while numbers := _numbers(files, layout):
        try:
            return Holder(**read_document(files, layout.lock(numbers[-1])))
        except NotFoundError:  # its successor has removed it since
            continue
        except (IntegrityError, TypeError):  # no JSON, edited, or with the fields of another version
            return _Unreadable(numbers[-1], "unknown", "unknown", 0, None, "unknown")
    return None


def _numbers(files: Files, layout: Layout) -> list[int]:
    """Return the numbers of the files that are there, ascending."""
    stems = (name.removesuffix(".json") for name in files.children(layout.locks) if name.endswith(".json"))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def check_held(files: Files, layout: Layout, number: int) -> None:
    """Refuse to go on where somebody else has taken the lease since.

    Raises
    ------
    LeaseLostError
        If the holder of that number is no longer the last.
    """
    last = newest(files, layout)
    if last is None or last.number != number:
        raise LeaseLostError(
            f"this run has lost its lease of the corpus {layout.corpus!r}" + (f" to {last}" if last else ""),
            expected=f"a lease that is renewed at least every {EXPIRES_SECONDS:g} s",
            where=files.where(),
            remedy="run again: what was finished is kept; the machine slept, or could not reach the store",
        )


def _take_after(files: Files, layout: Layout, before: Holder | None, what: str) -> Lease | None:
    """Create the next number; return None where another contender did.

    The files of the numbers before go, so whoever read one late may create it again: the highest number holds.
    """
    number = before.number + 1 if before else 1
    process = os.getpid()
    holder = Holder(number, what, _host(), process, start_of(process), now())
    if not create_document(files, layout.lock(number), asdict(holder)):
        return None
    try:
        if newest(files, layout) != holder:
            return None
        for key in (f"{layout.locks}/{name}" for name in files.children(layout.locks)):
            if key < layout.lock(number):
                files.remove(key)
    except BaseException:  # tried again, this process would wait for itself
        with suppress(SpheringError, OSError):
            files.replace(layout.lock(number), to_bytes(asdict(replace(holder, released=True))))
        raise
    return Lease(files, layout, holder)


def _holds(files: Files, layout: Layout, holder: Holder) -> bool:
    if holder.released:
        return False
    if holder.host == _host() and start_of(holder.process) != holder.started:
        return False
    # Also of a time to come: a store's clock that was set back must not keep the lease of a dead holder until then.
    return abs(files.now() - files.modified(layout.lock(holder.number))) <= EXPIRES_SECONDS


def _host() -> str:
    """Return what tells the processes that this one can see from those of other machines and containers."""
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink().name}"
    except OSError:
        return platform.node()


def _held(layout: Layout, holder: Holder) -> LeaseHeldError:
    return LeaseHeldError(
        f"the corpus {layout.corpus!r} is being worked on by {holder}",
        expected="a corpus that nothing else works on",
        remedy=f"try again when it has ended (runs have `--wait`); a dead one loses it within {EXPIRES_SECONDS:g} s",
    )
