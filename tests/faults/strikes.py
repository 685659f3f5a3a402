"""What may happen to a night: each fault strikes while a run waits for its model, and is over when its block ends."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deployed import ENDED
from faults.night import REQUESTS, awaited

HOUR = 3600
BLOCKED_SECONDS = 150  # as docs/operations.md says
FOLDER, DISK, OBJECTS = "folder", "disk", "objects"
_CLOCK = str(Path(__file__).parent / "clock")


@dataclass(frozen=True)
class Fault:
    """One fault: what it does, in which states it may leave the run, and where the store lies.

    Parameters
    ----------
    name : str
        As in the table of docs/operations.md.
    strike : callable
        Takes the night; a context manager, whose block is the rest of the struck run.
    ends : set of str
        Names of the states that the struck run may have ended in.
    store : str
        Where the store lies.
    environment : mapping
        What the struck run's process finds in its environment.
    soak : bool
        Whether it takes too long for `make test`.
    """

    name: str
    strike: Callable
    ends: frozenset[str]
    store: str = FOLDER
    environment: Mapping[str, str] = field(default_factory=dict)
    soak: bool = False


@contextmanager
def killed(night):
    """The process that does the work is killed, as the kernel does when memory is short."""
    for process in night.workers():
        process.kill()
    yield


@contextmanager
def killed_with_its_worker(night):
    """The machine of the worker is gone; nobody tells the server, until its automation has heard nothing for long."""
    api, children = night.place.api, night.workers()
    night.place.worker.kill()  # first: it would tell of its children's death
    for process in children:
        process.kill()
    yield
    assert api.get(f"/flow_runs/{night.run}")["state_type"] == "RUNNING"
    night.place.worker.start()
    assert api.ended(night.start_again())["state_type"] == "CANCELLED"
    _await_dead(night)


def _await_dead(night):
    path = f"/flow_runs/{night.run}"
    awaited(lambda: night.place.api.get(path)["state_type"] == "CRASHED", "the end of a dead run", BLOCKED_SECONDS)
    assert "its process is gone" in night.place.api.get(path)["state"]["message"]


@contextmanager
def service_stopped(night):
    """The service is stopped: systemd sends SIGINT to the worker and to what it started, as docs/operations.md says."""
    for process in (night.place.worker.process, *night.workers()):
        process.send_signal(signal.SIGINT)
    yield
    night.place.worker.process.wait(60)
    night.place.worker.start()


@contextmanager
def worker_told_to_end(night):
    """The worker alone is told to end: it kills what it started, and tells nobody."""
    night.place.worker.process.send_signal(signal.SIGTERM)
    yield
    night.place.worker.process.wait(60)
    night.place.worker.start()
    _await_dead(night)


@contextmanager
def server_restarted(night):
    """The server ends while the run works, and is there again a moment later."""
    night.place.server.stop()
    night.place.gate.open()
    time.sleep(night.chance.uniform(0, 3))
    night.place.server.start()
    yield


@contextmanager
def server_gone(night):
    """The server is killed and does not come back as long as the run lasts."""
    night.place.server.kill()
    try:
        yield
    finally:
        night.place.server.start()
    if night.place.api.get(f"/flow_runs/{night.run}")["state_type"] not in ENDED:
        # What the automation does after two minutes of silence.
        night.place.api.post(
            f"/flow_runs/{night.run}/set_state", state={"type": "CRASHED", "message": "by hand"}, force=True
        )


def database_locked(seconds):
    """The server's SQLite is held by another writer, such as a backup."""

    @contextmanager
    def strike(night):
        held = night.chance.uniform(*seconds)
        with closing(sqlite3.connect(night.place.server.database, isolation_level=None, timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            night.place.gate.open()
            time.sleep(held)
            other.execute("ROLLBACK")
        yield

    return strike


@contextmanager
def cancelled(night):
    """Somebody cancels the run."""
    night.place.api.post(f"/flow_runs/{night.run}/set_state", state={"type": "CANCELLING"})
    yield


@contextmanager
def overlapped(night):
    """The schedule comes round while the night still works."""
    later = night.place.api.ended(night.start_again())
    assert later["state_type"] == "CANCELLED", later["state"]
    yield


@contextmanager
def beside_another_deployment(night):
    """A deployment of the same corpus in another channel begins: it waits for the lease."""
    run = night.start_trial()
    night.await_log(run, "waiting for")
    yield
    assert night.place.api.ended(run)["state_name"] == "Completed"
    assert night.place.gate.asked == REQUESTS, "both have encoded"


@contextmanager
def lease_out_of_date(night):
    """The clock of the store is set an hour ahead, so that the lease looks old, and another deployment takes it."""
    run = night.start_trial()
    night.await_log(run, "waiting for")
    (lock,) = night.corpus.files.path(night.corpus.layout.locks).glob("*.json")
    awaited(lambda: not _set_back(lock), "the loss of the lease")
    yield
    assert night.place.api.ended(run)["state_name"] == "Completed"


def _set_back(lock):
    """Write down that a lock was last written an hour ago; return whether it is there: its holder writes it again."""
    with suppress(FileNotFoundError):
        os.utime(lock, (time.time() - HOUR,) * 2)
    return lock.exists()


@contextmanager
def disk_full(night):
    """The disk of the store is full."""
    night.disk.leave(night.chance.randint(0, 64) * 1024)
    try:
        yield
    finally:
        night.disk.relieve()


@contextmanager
def objects_fail(night):
    """The object store answers 500 for a while."""
    night.place.proxy.fail(night.chance.randint(1, 8))
    yield
    assert night.place.proxy.failed


@contextmanager
def objects_slow(night):
    """The object store takes its time for every answer."""
    night.place.proxy.slow_seconds = night.chance.uniform(0.1, 0.4)
    yield
    night.place.proxy.mend()


@contextmanager
def objects_gone(night):
    """The object store does not answer any more."""
    night.place.proxy.gone = True
    yield
    night.place.proxy.mend()


@contextmanager
def nothing(_):
    """What disturbs the run is there from its beginning."""
    yield


def _clock(hours):
    return {
        "SHIFTED_SECONDS": str(hours * HOUR),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_CLOCK), os.environ.get("PYTHONPATH")))),
    }


_COMPLETED, _CRASHED = frozenset({"Completed"}), frozenset({"Crashed"})

FAULTS = (
    Fault("flow process killed", killed, _CRASHED),
    Fault("server restarted", server_restarted, _COMPLETED, soak=True),
    Fault("database is locked", database_locked((3, 8)), _COMPLETED, soak=True),
    Fault("cancelled", cancelled, frozenset({"Cancelled"})),
    Fault("two nights at once", overlapped, _COMPLETED),
    Fault("two deployments of one corpus", beside_another_deployment, _COMPLETED, soak=True),
    Fault("lease out of date", lease_out_of_date, _COMPLETED, soak=True),
    Fault("worker and flow process killed", killed_with_its_worker, _CRASHED, soak=True),
    Fault("the worker's service stopped", service_stopped, _CRASHED, soak=True),
    Fault("SIGTERM to the worker", worker_told_to_end, _CRASHED, soak=True),
    Fault("server gone for good", server_gone, frozenset({"Crashed", "Failed", "Completed"}), soak=True),
    Fault("database is locked for over a minute", database_locked((65, 75)), _COMPLETED, soak=True),
    Fault("object store fails", objects_fail, _COMPLETED, store=OBJECTS, soak=True),
    Fault("object store slow", objects_slow, _COMPLETED, store=OBJECTS, soak=True),
    Fault("object store gone", objects_gone, frozenset({"Failed"}), store=OBJECTS, soak=True),
    Fault("disk full", disk_full, frozenset({"Failed"}), store=DISK, soak=True),
    Fault("clock an hour ahead", nothing, _COMPLETED, environment=_clock(1), soak=True),
    Fault("clock an hour behind", nothing, _COMPLETED, environment=_clock(-1), soak=True),
    Fault("killed with its clock an hour ahead", killed, _CRASHED, environment=_clock(1), soak=True),
)
