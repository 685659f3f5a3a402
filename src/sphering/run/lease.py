"""A run's lease of its corpus: taken before it reads the refs, checked before it commits, released at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sphering.errors import LeaseHeldError
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

    taken = lease.take(corpus.files, corpus.layout, what, wait=wait, waiting=waiting)
    for step in steps:
        current().finish(step)
    return taken


@contextmanager
def nothing_removed(corpus: CorpusStore, what: str) -> Iterator[None]:
    """Keep collections and purges away for as long as a command takes that runs may work beside.

    Where a run holds the lease, the run keeps them away.

    Raises
    ------
    LeaseHeldError
        If a collection or a purge works on the corpus.
    """
    try:
        taken = lease.take(corpus.files, corpus.layout, what, wait=False)
    except LeaseHeldError:
        holder = lease.newest(corpus.files, corpus.layout)
        if holder is not None and holder.what in REMOVING:
            raise
        yield
        return
    try:
        yield
    finally:
        taken.release()


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
