"""The server behind a command: quiet, quick to refuse, and never left behind."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.command

# A flow as a command runs it. Its task logs as the core does; then it asks the server which records it has.
COMMAND = """
import logging, os, sys
from sphering.flows.environment import prepare
prepare()
from sphering.flows.server import connected
from prefect import flow, get_client, task
from prefect.context import get_run_context
import sphering.flows.stages

@task
def log():
    logging.getLogger("sphering.test").info("a record of the core")

@flow
def night():
    log()
    return str(get_run_context().flow_run.id)

with connected() as url:
    run = night()
    if "wait" in sys.argv:
        print(url.rsplit(":", 1)[1].removesuffix("/api"), flush=True)
        input()
    from prefect.logging.handlers import APILogWorker
    APILogWorker.drain_all(timeout=20)
    with get_client(sync_client=True) as client:
        print([record.message for record in client.read_logs() if str(record.flow_run_id) == run])
"""


def _environment(home, **more: str) -> dict[str, str]:
    return {**os.environ, "PREFECT_HOME": str(home), **more}


def _alone(folder: Path, home: Path) -> dict[str, str]:
    """The environment of somebody who has told Prefect nothing, with a temporary folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "XDG_"))}
    (folder / "temporary").mkdir(exist_ok=True)
    return {**kept, "HOME": str(home), "TMPDIR": str(folder / "temporary")}


def _completed(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND], env=environment, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("prefect")


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_command_runs_silently_on_a_server_that_leaves_an_empty_database_for_the_next_and_no_other(tmp_path, home):
    environment = _alone(tmp_path, home)
    first = _completed(environment)
    assert first.returncode == 0, first.stderr
    (kept,) = (home / ".cache" / "sphering").iterdir()
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*) FROM flow_run").fetchall() == [(0,)]
    before = kept.read_bytes()
    second = _completed(environment)
    assert second.returncode == 0, second.stderr
    assert second.stderr == ""
    assert len(second.stdout.splitlines()) == 1
    assert "a record of the core" in second.stdout
    assert kept.read_bytes() == before
    assert not list((home / ".prefect").glob("*.db*"))
    assert not list((tmp_path / "temporary").iterdir())


def test_a_kept_database_that_is_none_is_made_again(tmp_path):
    kept = tmp_path / ".cache" / "sphering" / f"prefect-{version('prefect')}.db"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"no database at all")
    done = _completed(_alone(tmp_path, tmp_path))
    assert done.returncode == 0, done.stderr
    assert kept.read_bytes().startswith(b"SQLite format 3")


def test_a_user_without_a_writable_home_needs_none(tmp_path):
    (tmp_path / "file").write_text("no folder can be made below a file, not even by root")
    done = _completed(_alone(tmp_path, tmp_path / "file" / "home"))
    assert done.returncode == 0, done.stderr
    assert "a record of the core" in done.stdout
    assert not list((tmp_path / "temporary").iterdir())


def test_a_database_that_the_user_has_chosen_is_used(tmp_path):
    chosen = {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{tmp_path}/chosen.db"}
    done = _completed({**_alone(tmp_path, tmp_path), **chosen})
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(tmp_path / "chosen.db")) as connection:
        assert connection.execute("SELECT count(*) FROM flow_run").fetchall() == [(1,)]


def test_a_killed_command_leaves_neither_server_nor_database_behind(tmp_path, home):
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "wait"],
        env=_alone(tmp_path, home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    port = int(command.stdout.readline())
    assert not _refused(port)
    assert list((tmp_path / "temporary").glob("sphering-prefect-*/prefect.db"))
    command.send_signal(signal.SIGKILL)
    command.wait()
    end = time.monotonic() + 30
    while (not _refused(port) or any((tmp_path / "temporary").iterdir())) and time.monotonic() < end:
        time.sleep(0.2)
    assert _refused(port)
    assert not list((tmp_path / "temporary").iterdir())


def test_a_server_that_does_not_answer_is_named_within_seconds_before_any_work(tmp_path, write_config, home):
    # The port listens, but nobody accepts: a connection that hangs is the slowest way not to answer.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        code = (
            "import sys, time\nfrom sphering.config.load import load\nfrom sphering.flows.launch import launch\n"
            "from sphering.errors import ServerError\n"
            "try:\n    launch('main_job', load(sys.argv[1]))\n"
            "except ServerError as error:\n    print(error)\n    sys.exit(error.exit_code)"
        )
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", code, str(write_config(tmp_path))],
            env=_environment(home, PREFECT_API_URL=url),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert url in done.stdout
    assert "prefect server start" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "store").exists()
    # Three seconds of waiting; the rest is the interpreter's start, which a busy machine stretches.
    assert time.monotonic() - began < 30
