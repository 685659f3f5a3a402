"""A run's lease of its corpus: taken before it reads the refs, checked before it commits, released at its end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sphering.errors import LeaseHeldError, LeaseLostError
from sphering.progress import current
from sphering.run.workspace import Workspace
from sphering.store import lease
from sphering.store.corpus import CorpusStore
from sphering.store.lease import Holder, Lease

GC = "gc"
PURGE = "purge"
REMOVING = (GC, PURGE)
_LEASE = "lease"
_held: dict[Path, Lease] = {}
_log = logging.getLogger(__name__)


def take(corpus: CorpusStore, what: str, *, wait: bool) -> Lease:
    """Take a corpus' lease, saying whom it waits for.

    Raises
    ------
    LeaseHeldError
        If somebody else holds it, and it is not to be waited for.
    """
    steps: list[str] = []

    def waiting(holder: Holder) -> None:
        steps.append(f"waiting for {holder}")
        current().start(steps[-1])
        _log.info("waiting for %s", holder)

    taken = lease.take(corpus.files, corpus.layout, what, wait=wait, waiting=waiting)
    for step in steps:
        current().finish(step)
    return taken


@contextmanager
def nothing_removed(corpus: CorpusStore, what: str) -> Iterator[None]:
    """Keep collections and purges away for as long as a command takes that runs may work beside.

    Where a run holds the lease, the run keeps them away, for as long as it lasts.

    Raises
    ------
    LeaseHeldError
        If a collection or a purge works on the corpus.
    LeaseLostError
        If the run ended and one may have worked since: what the command relied on may be gone.
    """
    try:
        taken = lease.take(corpus.files, corpus.layout, what, wait=False)
    except LeaseHeldError:
        holder = lease.newest(corpus.files, corpus.layout)
        if holder is not None and holder.what in REMOVING:
            raise
        yield
        _check_nothing_removed(corpus, holder, what)
        return
    try:
        yield
    finally:
        taken.release()


def _check_nothing_removed(corpus: CorpusStore, run: Holder | None, what: str) -> None:
    last = lease.newest(corpus.files, corpus.layout)
    if run is None or last is None or last.number == run.number:
        return
    if last.what in REMOVING or last.number > run.number + 1:
        raise LeaseLostError(
            f"{what} is done, but {last} has worked on the corpus {corpus.name!r} meanwhile",
            expected="no collection and no purge while a ref moves",
            where=corpus.files.where(),
            remedy="`sphering verify` says whether the refs name anything that is gone",
        )


def keep(workspace: Workspace, taken: Lease) -> None:
    """Make a lease that of a run, whichever process works for it."""
    workspace.write(_LEASE, {"number": taken.holder.number})
    _held[workspace.path] = taken


def check(workspace: Workspace) -> None:
    """Refuse to go on where the run has lost its lease; a workspace without one, such as a plan's, needs none.

    Raises
    ------
    LeaseLostError
        If it has.
    """
    if workspace.has(_LEASE):
        corpus = workspace.corpus
        lease.check_held(corpus.files, corpus.layout, workspace.read(_LEASE)["number"])


def release(workspace: Workspace) -> None:
    """Let others take the run's lease."""
    taken = _held.pop(workspace.path, None)
    if taken is not None:
        taken.release()
