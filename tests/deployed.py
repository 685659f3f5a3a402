"""A Prefect server and a worker on loopback, with the deployments of a small corpus, for the tests of a module."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

BUSY_ANSWERS = 10
START_SECONDS = 120
RUN_SECONDS = 240
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def _interruptible() -> None:
    # A shell's background job ignores SIGINT, and Prefect's worker turns SIGTERM into SIGINT: it would live on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class PrefectProcess:
    """A Prefect command beside the test, in a process group of its own, to stop and start again."""

    arguments: list[str]
    environment: dict[str, str]
    folder: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "prefect", *self.arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_interruptible,
                process_group=0,
            )

    def stop(self) -> None:
        """End it as its supervisor does; kill it, by its id, where it does not."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class PrefectServer(PrefectProcess):
    """A server on loopback with a database of its own."""

    @property
    def url(self) -> str:
        return self.environment["PREFECT_API_URL"]

    @property
    def database(self) -> Path:
        return Path(self.environment["PREFECT_HOME"]) / "prefect.db"

    def start(self) -> None:
        super().start()
        _wait_for(self.url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/health", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise TimeoutError(f"no server at {url} within {START_SECONDS} s")


class Api:
    """The few questions that tests ask a Prefect server."""

    def __init__(self, url: str) -> None:
        # A server with SQLite may say nothing for as long as SQLite waits for a lock, 60 s.
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=120)

    def post(self, path: str, **body: Any) -> Any:
        """Post, and again where the server answers 503, as it does while its SQLite is locked."""
        for _ in range(BUSY_ANSWERS):
            answer = self._client.post(path, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        return answer.raise_for_status().json()

    def get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def patch(self, path: str, **body: Any) -> None:
        self._client.patch(path, json=body).raise_for_status()

    def deployment(self, name: str) -> dict[str, Any]:
        return self.get(f"/deployments/name/{name}")

    def start(self, name: str, **parameters: Any) -> str:
        """Trigger a deployment; return the flow run's id."""
        return self.post(f"/deployments/{self.deployment(name)['id']}/create_flow_run", parameters=parameters)["id"]

    def ended(self, run: str, states: frozenset[str] | set[str] = ENDED) -> dict[str, Any]:
        """Return a flow run when its state is of one of these types."""
        end = time.monotonic() + RUN_SECONDS
        while time.monotonic() < end:
            found = self.get(f"/flow_runs/{run}")
            if found["state_type"] in states:
                return found
            time.sleep(0.3)
        raise TimeoutError(f"the flow run is {found['state_name']} after {RUN_SECONDS} s")

    def run(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Trigger a deployment and return its flow run when it has ended."""
        return self.ended(self.start(name, **parameters))

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        return self.post("/flow_runs/filter", **filters)

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        found = self.post("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
        return {artifact["key"]: artifact for artifact in found}

    def logs(self, run: str) -> list[str]:
        return [record["message"] for record in self.post("/logs/filter", logs={"flow_run_id": {"any_": [run]}})]

    def events(self, prefix: str, resource: str, count: int) -> list[dict[str, Any]]:
        """Return the events of a resource, oldest first, when there are so many: they are recorded a moment later."""
        wanted = {"event": {"prefix": [prefix]}, "resource": {"id": [resource]}, "order": "ASC"}
        end = time.monotonic() + START_SECONDS
        found: list[dict[str, Any]] = []
        while len(found) < count and time.monotonic() < end:
            time.sleep(0.3)
            found = self.post("/events/filter", filter=wanted)["events"]
        return found


@dataclass(frozen=True)
class Deployed:
    """What a test has: the server's API, a configuration that was deployed, and the environment of its commands."""

    api: Api
    config: Path
    environment: dict[str, str]

    def sphering(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._command("sphering.cli", *arguments, cwd=self.config.parent)

    def prefect(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return self._command("prefect", "--no-prompt", *arguments, cwd=cwd)

    def deploy(self, *arguments: str, config: Path | None = None) -> dict[str, dict[str, Any]]:
        """Run `sphering deploy` and return what became of each thing, by its name."""
        done = self.sphering("deploy", "--json", "--config", str(config or self.config), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return {change["name"]: change for change in json.loads(done.stdout)["changes"]}

    def put(self, automation: Any) -> None:
        """Put an automation of another patience: that of the product is too long for a test."""
        from sphering.flows.deploy.automations import put_automation

        with self.client() as client:
            assert put_automation(client, automation).state == "updated"

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Enter Prefect's own client of the server."""
        from prefect.client.orchestration import get_client
        from prefect.settings import PREFECT_API_URL, temporary_settings

        url = {PREFECT_API_URL: self.environment["PREFECT_API_URL"]}
        with temporary_settings(url), get_client(sync_client=True) as client:
            yield client

    def _command(self, module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def prefect_server_process(tmp_path_factory):
    """A Prefect server of the module's own, which is empty."""
    from sphering.flows.environment import DEFAULTS

    folder = tmp_path_factory.mktemp("server")
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HF_"))},
        **{name: value for name, value in DEFAULTS.items() if name.startswith(("PREFECT_SERVER", "DO_NOT"))},
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "COLUMNS": "200",
    }
    arguments = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = PrefectServer(arguments, environment, folder, folder / "server.log")
    try:
        process.start()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def server(prefect_server_process):
    """The environment of commands that meet the module's Prefect server."""
    return prefect_server_process.environment


def worker_process(environment: dict[str, str], folder: Path) -> PrefectProcess:
    """Return a worker of the usual pool, not started yet, in a folder far from the repository."""
    arguments = ["worker", "start", "--pool", "sphering", "--name", folder.name]
    return PrefectProcess(arguments, environment, folder, folder / "worker.log")


@contextmanager
def worker(environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker beside the block."""
    beside = worker_process(environment, folder)
    beside.start()
    try:
        yield beside.process
    finally:
        beside.stop()
