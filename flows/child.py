"""The process of a temporary Prefect server, seen from its parent."""

import atexit
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO, Final

import httpx

from sphering.errors import ServerError

_LAST_WORDS: Final = 600
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Child:
    """A running server and where its API answers."""

    process: subprocess.Popen[bytes]
    url: str

    @classmethod
    def start(cls, timeout: float) -> "Child":
        """Start a server on a free port and wait until it answers.

        Parameters
        ----------
        timeout : float
            Seconds to wait; an empty PREFECT_HOME alone costs five more, because its database is made first.

        Raises
        ------
        ServerError
            If it ends or stays silent.
        """
        port = _free_port()
        # Its complaints, such as a SQLite file that is busy for a moment, are no business of the terminal.
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - the child keeps writing to it
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
            [sys.executable, "-m", "sphering.flows.temporary", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        # Not before the exit: Prefect's own threads send the last log records and events while the process ends.
        atexit.register(_stop, process)
        child = cls(process, f"http://127.0.0.1:{port}/api")
        child._await_answer(timeout, errors)
        return child

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self.process.poll() is None

    def _await_answer(self, timeout: float, errors: IO[bytes]) -> None:
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.alive:
            if _answers(self.url):
                return
            time.sleep(0.1)
        state = f"did not answer within {timeout:g} s" if self.alive else f"ended with code {self.process.returncode}"
        errors.seek(0)
        words = errors.read().decode(errors="replace").strip()[-_LAST_WORDS:]
        _stop(self.process)
        raise ServerError(
            f"the temporary Prefect server {state}" + (f": {words}" if words else ""),
            where=self.url,
            remedy="`sphering doctor` looks for the cause; a slow machine may need more than "
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS",
        )


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
