"""PostgreSQL as Prefect's database, as docs/operations.md has it: a night on a server whose records are kept there."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.export.postgres import running

pytestmark = pytest.mark.command
_TRIGRAMS = "share/postgresql/{version}/extension/pg_trgm.control"


def _programs():
    """Return the folder of a PostgreSQL of this machine that has what Prefect needs, pg_trgm; None without one."""
    named = os.environ.get("POSTGRES_PROGRAMS")
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        version, prefix = place.parent.name, place.parents[3]
        if (place / "postgres").exists() and (prefix / _TRIGRAMS.format(version=version)).exists():
            return place
    return None


@pytest.fixture(scope="module")
def database():
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL with pg_trgm here: apt-get install postgresql, or POSTGRES_PROGRAMS=…/bin")
    with running(programs) as server:
        yield server


@contextmanager
def _prefect_server(database, home):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"postgresql+asyncpg://postgres@/{database.name}?host={database.socket}"
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_DATABASE_CONNECTION_URL": address}
    environment["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _await(f"http://127.0.0.1:{port}/api/health", server, home / "server.log")
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.terminate()
        server.wait(30)


def _await(url, server, log):
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])


def test_a_night_leaves_its_records_in_postgresql(database, tmp_path, write_config):
    config = write_config(tmp_path)
    home = tmp_path / "prefect"
    home.mkdir()
    with _prefect_server(database, home) as url:
        command = [sys.executable, "-m", "sphering.cli", "run", "--config", str(config), "--json"]
        environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": url}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    with database.connect() as connection:
        runs = connection.execute("SELECT name, state_name FROM flow_run").fetchall()
        (artifacts,) = connection.execute("SELECT count(*) FROM artifact").fetchone()
    assert runs == [("run-banking77", "Completed")]
    assert artifacts >= 4
    assert not (home / "prefect.db").exists()
