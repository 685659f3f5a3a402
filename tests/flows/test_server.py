"""The server behind a command: quiet, quick to refuse, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

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


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("prefect")


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_command_runs_on_its_own_server_and_prefect_is_silent(home):
    done = subprocess.run(
        [sys.executable, "-c", COMMAND],
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert "a record of the core" in done.stdout


def test_a_killed_command_leaves_no_server_behind(home):
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "wait"], env=_environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    port = int(command.stdout.readline())
    assert not _refused(port)
    command.send_signal(signal.SIGKILL)
    command.wait()
    end = time.monotonic() + 30
    while not _refused(port) and time.monotonic() < end:
        time.sleep(0.2)
    assert _refused(port)


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
