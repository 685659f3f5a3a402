"""The process of a temporary Prefect server, seen from its parent."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import httpx

from sphering.errors import ServerError
from sphering.flows import database

_LAST_WORDS: Final = 600
_ASK_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 5.0
# Blocks are registered at every start, which takes 1.4 of 7 s of computing; no flow here uses one.
_ENVIRONMENT: Final = {"PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}


@dataclass(frozen=True)
class Child:
    """A server that starts or runs, where its API answers, and what it complains of."""

    process: subprocess.Popen[bytes]
    url: str
    complaints: IO[bytes]

    @classmethod
    def spawn(cls, *, own_database: bool) -> "Child":
        """Begin to start a server on a free port; it ends with this process.

        Parameters
        ----------
        own_database : bool
            Give it a database of its own, which goes with it; else it takes the one that Prefect's settings name.
        """
        port = _free_port()
        folder = database.new_folder() if own_database else None
        # What it says, such as of a SQLite file that is busy for a moment, is no business of the terminal.
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - the child writes to it as long as it lives
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
            [sys.executable, "-m", "sphering.flows.temporary", str(port), *([str(folder)] if folder else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            # A terminal's Ctrl-C goes to the whole group; the run needs its server until it has ended.
            process_group=0,
            env={**_ENVIRONMENT, **os.environ, **({database.URL: database.url(folder)} if folder else {})},
        )
        # Not before the exit: Prefect's own threads send the last log records and events while the process ends.
        atexit.register(_end, process, folder, complaints)
        return cls(process, f"http://127.0.0.1:{port}/api", complaints)

    @property
    def alive(self) -> bool:
        """Whether the server starts or runs."""
        return self.process.poll() is None

    def await_answer(self, timeout: float) -> None:
        """Wait until the server answers.

        Parameters
        ----------
        timeout : float
            Seconds to wait; the first start of a user costs nine more, because an empty database is made.

        Raises
        ------
        ServerError
            If it ends or stays silent.
        """
        end = time.monotonic() + timeout
        with httpx.Client(timeout=_ASK_SECONDS, trust_env=False) as client:
            while time.monotonic() < end and self.alive:
                if _answers(client, f"{self.url}/health"):
                    return
                time.sleep(0.1)
        state = f"did not answer within {timeout:g} s" if self.alive else f"ended with code {self.process.returncode}"
        _stop(self.process, None)
        self.complaints.seek(0)
        words = self.complaints.read().decode(errors="replace").strip()[-_LAST_WORDS:]
        raise ServerError(
            f"the temporary Prefect server {state}" + (f": {words}" if words else ""),
            where=self.url,
            remedy="`sphering doctor` looks for the cause; a slow machine may need a larger "
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS",
        )


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes], folder: Path | None, complaints: IO[bytes]) -> None:
    _stop(process, folder)
    complaints.close()


def _stop(process: subprocess.Popen[bytes], folder: Path | None) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if folder is not None:  # the server removes it as well, where it outlives this process and is not killed
        database.remove(folder)
