"""prefect.yaml for real: a server and a worker on loopback, deployed, triggered, completed, looked at."""

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

from sphering.config.load import load
from sphering.flows.environment import DEFAULTS
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
BUSY_ANSWERS = 10
START_SECONDS = 120
RUN_SECONDS = 240


def _interruptible() -> None:
    # A shell's background job ignores SIGINT, and Prefect's worker turns SIGTERM into SIGINT: it would live on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _process(arguments: list[str], environment: dict[str, str], folder: Path, log: str) -> Iterator[None]:
    """Run a Prefect command beside the block; stop it by its id, whatever happens."""
    with (folder / log).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_interruptible,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _prefect(*arguments: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


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
    """The few questions that this test asks a Prefect server."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

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

    def run(self, deployment: str, **body: Any) -> dict[str, Any]:
        """Trigger a deployment and return its flow run when it has ended."""
        run = self.post(f"/deployments/{deployment}/create_flow_run", **body)["id"]
        end = time.monotonic() + RUN_SECONDS
        while time.monotonic() < end:
            found = self.get(f"/flow_runs/{run}")
            if found["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
                return found
            time.sleep(0.5)
        raise TimeoutError(f"the flow run is {found['state_name']} after {RUN_SECONDS} s")

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        found = self.post("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
        return {artifact["key"]: artifact for artifact in found}

    def logs(self, run: str) -> list[str]:
        return [record["message"] for record in self.post("/logs/filter", logs={"flow_run_id": {"any_": [run]}})]


@dataclass(frozen=True)
class Deployed:
    """What a test has: the server's API, the configuration that was deployed, and the environment of its commands."""

    api: Api
    config: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory, write_config):
    """A server, a worker far from the repository, and the nightly deployment of a small corpus."""
    folder = tmp_path_factory.mktemp("deployed")
    config = write_config(folder)
    url = f"http://127.0.0.1:{(port := _free_port())}/api"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HF_"))},
        **{name: value for name, value in DEFAULTS.items() if name.startswith(("PREFECT_SERVER", "DO_NOT"))},
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "SPHERING_CONFIG": str(config),
    }
    with _process(["server", "start", "--host", "127.0.0.1", "--port", str(port)], environment, folder, "server.log"):
        _wait_for(url)
        for command, cwd in (
            (["work-pool", "create", "sphering", "--type", "process"], folder),
            (["deploy", "--all"], ROOT),
        ):
            done = _prefect(*command, environment=environment, cwd=cwd)
            assert done.returncode == 0, done.stdout + done.stderr
        with _process(["worker", "start", "--pool", "sphering", "--name", "w"], environment, folder, "worker.log"):
            yield Deployed(Api(url), config, environment)


def test_the_nightly_deployment_publishes_a_release_and_the_next_night_changes_nothing(deployed):
    api, config = deployed.api, deployed.config
    nightly = api.get("/deployments/name/main-job/nightly")
    assert nightly["parameters"] == {"config": str(config)}
    assert [schedule["schedule"]["cron"] for schedule in nightly["schedules"]] == ["0 2 * * *"]
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert not nightly["pull_steps"]

    first = api.run(nightly["id"])
    assert (first["state_type"], first["state_name"]) == ("COMPLETED", "Completed"), first["state"]["message"]
    assert first["name"] == "banking77"
    settings = load(config)
    published = Store.open(Path(settings.store)).corpus("banking77").refs.read("main", PUBLISHED)
    assert first["state"]["message"] == f"published: banking77, release {published.release}"

    artifacts = api.artifacts(first["id"])
    assert set(artifacts) == {f"{kind}-banking77" for kind in ("verdict", "gates", "report", "angles")}
    assert published.release in artifacts["verdict-banking77"]["data"]
    assert artifacts["angles-banking77"]["data"].startswith("data:image/png;base64,")
    assert any("200 rows read" in message for message in api.logs(first["id"]))

    second = api.run(nightly["id"])
    assert second["state_type"] == "COMPLETED"
    assert second["state"]["message"] == f"unchanged: banking77, release {published.release}"
    assert "unchanged" in api.artifacts(second["id"])["verdict-banking77"]["description"]


def test_the_server_refuses_parameters_that_are_no_configuration(deployed):
    api = deployed.api
    nightly = api.get("/deployments/name/main-job/nightly")["id"]
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        api.post(f"/deployments/{nightly}/create_flow_run", parameters={"config": {"corpus": 1}})
    assert refusal.value.response.status_code in {409, 422}


def test_a_wrong_configuration_is_refused_when_it_is_deployed(deployed, tmp_path, write_config):
    wrong = write_config(tmp_path, '\n[transfrom]\nkind = "none"\n')
    done = _prefect("deploy", "--all", environment={**deployed.environment, "SPHERING_CONFIG": str(wrong)}, cwd=ROOT)
    assert done.returncode != 0
    assert "transfrom" in done.stdout + done.stderr
    nightly = deployed.api.get("/deployments/name/main-job/nightly")
    assert nightly["parameters"] == {"config": str(deployed.config)}
