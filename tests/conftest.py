"""What holds for every test."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest_plugins = ["deployed", "embeddings_server", "encoding", "listener", "nights", "object_store"]

# Two test workers on two cores would start two threads each, which wait for one another in spin locks: one core each.
_worker = os.environ.get("PYTEST_XDIST_WORKER")
if _worker is not None and hasattr(os, "sched_setaffinity"):
    _cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {_cores[int(_worker.removeprefix("gw")) % len(_cores)]})


def pytest_collection_modifyitems(items):
    """Begin with the files that take minutes: begun last, one would keep a single test worker busy at the end."""
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in ("command", "server")))


@pytest.fixture(scope="session")
def prefect_api():
    """The address of one Prefect server for the commands of a session: each would start one, 8 s of computing.

    Tests of a command's own server take it out of the environment.
    """
    from sphering.flows.child import Child

    server = Child.spawn(own_database=True)
    server.await_answer(120)
    yield server.url
    server.process.terminate()
    server.process.wait(30)


@dataclass(frozen=True)
class SmallDisk:
    """A disk of its own, of which a ballast file takes what a test does not leave free."""

    root: Path

    def leave(self, free: int) -> None:
        """Leave so many bytes free."""
        self.relieve()
        state = os.statvfs(self.root)
        with self._ballast.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, state.f_bavail * state.f_frsize - free)

    def relieve(self) -> None:
        """Leave free what the ballast took."""
        self._ballast.unlink(missing_ok=True)

    def grow(self, size: str) -> None:
        """Make the disk larger, as one grows a volume."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.root)], check=True)

    @property
    def _ballast(self) -> Path:
        return self.root / "ballast"


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A disk of 32 MB in memory; only root may mount one."""
    root = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(root)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield SmallDisk(root)
    subprocess.run(["umount", "--lazy", str(root)], check=True)
