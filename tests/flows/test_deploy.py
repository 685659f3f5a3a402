"""`sphering deploy` on a real server: what it makes, what it leaves, what it refuses, and what its automations do."""

import os
import shutil
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from deployed import Api, Deployed, worker
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule

from sphering.flows.deploy.automations import dead_runs, unbegun_runs
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
LOAD = """
from pathlib import Path

from prefect import flow


@flow
def load(release: str, corpus: str) -> None:
    (Path(__file__).parent / "loaded").write_text(f"{corpus} {release}")
"""


@pytest.fixture(scope="module")
def deployed(server, tmp_path_factory, write_config):
    """A configuration that is not deployed yet, and the server."""
    return Deployed(Api(server["PREFECT_API_URL"]), write_config(tmp_path_factory.mktemp("corpus")), server)


@pytest.fixture(scope="module")
def downstream(deployed, tmp_path_factory):
    """A deployment of somebody else's, which loads a release into a search engine, say."""
    folder = tmp_path_factory.mktemp("downstream")
    (folder / "load.py").write_text(LOAD, encoding="utf-8")
    deployed.deploy()
    done = deployed.prefect("deploy", "load.py:load", "--name", "search", "--pool", "sphering", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _states(changes):
    return {change["state"] for change in changes.values()}


def test_a_first_call_makes_all_and_a_second_changes_nothing_and_says_so(deployed):
    said = deployed.sphering("deploy").stdout
    assert said.count(" created\n") == 9, said
    assert "unchanged" not in said
    assert _states(deployed.deploy()) == {"unchanged"}
    said = deployed.sphering("deploy").stdout
    assert said.startswith("nothing changed: all ")
    said = deployed.sphering("deploy", "--cron", "30 1 * * *").stdout
    assert "schedule: 0 2 * * * UTC -> 30 1 * * * UTC" in said
    assert said.endswith("8 unchanged\n")
    deployed.deploy()
    names = {f"{each['name']}" for each in deployed.api.post("/deployments/filter")}
    assert names == {f"{kind}-banking77" for kind in ("nightly", "verify", "maintain", "drift", "refit", "backfill")}


def test_the_server_makes_the_run_of_the_next_night_by_itself(deployed):
    deployed.deploy()
    wanted = {
        "deployments": {"name": {"any_": ["nightly-banking77"]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    found = _awaited(lambda: deployed.api.runs(**wanted))
    assert found
    assert {each["expected_start_time"][11:16] for each in found} == {"02:00"}
    assert all("auto-scheduled" in each["tags"] for each in found)


def test_prefect_yaml_makes_the_very_same_deployments(deployed):
    environment = {**deployed.environment, "SPHERING_CONFIG": str(deployed.config)}
    done = Deployed(deployed.api, deployed.config, environment).prefect("deploy", "--all", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _states(deployed.deploy()) == {"unchanged"}


def test_another_schedule_changes_that_alone_and_what_somebody_paused_stays_paused(deployed):
    api = deployed.api
    (schedule,) = api.deployment("main-job/nightly-banking77")["schedules"]
    path = f"/deployments/{api.deployment('main-job/nightly-banking77')['id']}/schedules/{schedule['id']}"
    api.patch(path, active=False)
    changes = deployed.deploy("--cron", "30 1 * * *")
    changed = {name: change["differed"] for name, change in changes.items() if change["state"] != "unchanged"}
    assert changed == {"main-job/nightly-banking77": ["schedule"]}
    (schedule,) = api.deployment("main-job/nightly-banking77")["schedules"]
    assert (schedule["schedule"]["cron"], schedule["active"]) == ("30 1 * * *", False)
    deployed.deploy("--every", "6")
    assert deployed.deploy("--every", "6")["main-job/nightly-banking77"]["state"] == "unchanged"
    (schedule,) = api.deployment("main-job/nightly-banking77")["schedules"]
    assert schedule["schedule"]["interval"] == 6 * 3600
    deployed.deploy("--timezone", "Europe/Berlin")
    assert {
        each["schedule"]["timezone"] for found in api.post("/deployments/filter") for each in found["schedules"]
    } == {"Europe/Berlin"}
    deployed.deploy()


@pytest.mark.parametrize("slug", [None, "noon"])
def test_a_schedule_that_an_operator_put_beside_ours_stays_as_it_is(deployed, slug):
    deployed.deploy()
    nightly = "main-job/nightly-banking77"
    (before,) = deployed.api.deployment(nightly)["schedules"]
    noon = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 12 * * *"), active=False, slug=slug)
    with deployed.client() as client:
        (theirs,) = client.create_deployment_schedules(deployed.api.deployment(nightly)["id"], [noon])
    assert _states(deployed.deploy()) == {"unchanged"}
    change = deployed.deploy("--every", "6")[nightly]
    assert (change["differed"], change["old"], change["new"]) == (
        ["schedule"],
        {"schedule": "0 2 * * * UTC"},
        {"schedule": "every 6 h UTC"},
    )
    found = {each["slug"]: each for each in deployed.api.deployment(nightly)["schedules"]}
    assert (found["nightly"]["schedule"]["interval"], found["nightly"]["active"]) == (6 * 3600, before["active"])
    assert (found[slug]["schedule"]["cron"], found[slug]["active"]) == ("0 12 * * *", False)
    assert len(found) == 2
    with deployed.client() as client:
        client.delete_deployment_schedule(deployed.api.deployment(nightly)["id"], theirs.id)
    deployed.deploy()


def test_two_corpora_and_a_trial_of_one_live_on_one_server(deployed, tmp_path, write_config):
    file = write_config(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('corpus = "banking77"', 'corpus = "help"'), encoding="utf-8")
    assert "main-job/nightly-help" in deployed.deploy(config=file)
    file.write_text(text.replace("[run]", '[run]\nchannel = "next"'), encoding="utf-8")
    assert "main-job/nightly-banking77@next" in deployed.deploy(config=file)
    assert deployed.api.deployment("main-job/nightly-banking77")["parameters"] == {"config": str(deployed.config)}


def test_what_is_wrong_is_refused_before_anything_is_changed(deployed, tmp_path, write_config):
    before = deployed.api.post("/deployments/filter")
    deployed.api.post("/work_pools/", name="boxes", type="docker")
    wrong = write_config(tmp_path, '\n[transfrom]\nkind = "none"\n')
    for arguments, said in (
        (("--cron", "0 2 30 2 *"), "never comes"),
        (("--every", "24", "--timezone", "Mars/Olympus"), "is no time zone"),
        (("--pool", "a/b"), "is no name of a work pool"),
        (("--pool", "boxes"), "is of the type 'docker'"),
        (("--downstream", "no/such"), "there is no deployment 'no/such'"),
        (("--downstream", "nosuch"), "is no name of a deployment"),
        (("--downstream", "refit/refit-banking77"), "takes no parameter release"),
        (("--config", str(wrong)), "transfrom"),
    ):
        done = deployed.sphering("deploy", *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert said in done.stderr
    assert deployed.api.post("/deployments/filter") == before


def test_without_a_server_nothing_is_deployed(deployed):
    for url, said in (("", "there is no Prefect server"), ("http://127.0.0.1:9/api", "does not answer")):
        done = Deployed(deployed.api, deployed.config, {**deployed.environment, "PREFECT_API_URL": url})
        refused = done.sphering("deploy")
        assert refused.returncode == 2
        assert said in refused.stderr


def test_a_wrong_configuration_is_refused_when_prefect_deploys_it(deployed, tmp_path, write_config):
    wrong = write_config(tmp_path, '\n[transfrom]\nkind = "none"\n')
    environment = {**deployed.environment, "SPHERING_CONFIG": str(wrong)}
    done = Deployed(deployed.api, deployed.config, environment).prefect("deploy", "--all", cwd=ROOT)
    assert done.returncode != 0
    assert "transfrom" in done.stdout + done.stderr


def test_a_publication_starts_the_downstream_deployment_with_the_release_and_a_failed_run_says_so(
    deployed, downstream, tmp_path
):
    api, corpus = deployed.api, "sphering.corpus.banking77"
    changes = deployed.deploy("--downstream", "load/search")
    assert changes["sphering: load/search after banking77"]["state"] == "created"
    assert _states(deployed.deploy("--downstream", "load/search")) == {"unchanged"}
    with worker(deployed.environment, tmp_path):
        assert api.run("main-job/nightly-banking77")["state_name"] == "Completed"
        (published,) = api.events("sphering.", corpus, 1)
        release = Store.open(deployed.config.parent / "store").corpus("banking77").refs.read("main", PUBLISHED).release
        assert published["event"] == "sphering.release.published"
        assert published["resource"]["sphering.channel"] == "main"
        payload = published["payload"]
        assert (payload["release"], payload["documents"], payload["base"]) == (release, 200, None)
        (run,) = _awaited(lambda: api.runs(flows={"name": {"any_": ["load"]}}))
        assert api.ended(run["id"])["state_type"] == "COMPLETED"
        assert (downstream / "loaded").read_text(encoding="utf-8") == f"banking77 {release}"

        questions = deployed.config.read_text(encoding="utf-8")
        deployed.config.write_text(questions.replace("banking77-200.parquet", "gone.parquet"), encoding="utf-8")
        assert api.run("main-job/nightly-banking77")["state_type"] == "FAILED"
        deployed.config.write_text(questions, encoding="utf-8")
        failed = api.events("sphering.run.", corpus, 1)[-1]
        assert failed["event"] == "sphering.run.failed"
        assert "gone.parquet" in failed["payload"]["error"]
        assert len(api.runs(flows={"name": {"any_": ["load"]}})) == 1


def test_a_run_that_its_worker_took_and_did_not_begin_is_marked_crashed(deployed):
    api = deployed.api
    deployed.deploy()
    deployed.put(unbegun_runs(timedelta(seconds=10)))
    run, waiting = api.start("main-job/nightly-banking77"), api.start("verify/verify-banking77")
    for name in ("Pending", "Submitting"):  # as a worker says it, before it starts a process
        api.post(f"/flow_runs/{run}/set_state", state={"type": "PENDING", "name": name})
    dead = api.ended(run)
    assert (dead["state_type"], dead["run_count"]) == ("CRASHED", 0)
    assert "did not begin" in dead["state"]["message"]
    assert api.get(f"/flow_runs/{waiting}")["state_type"] == "SCHEDULED", "no worker has taken it yet"
    change = deployed.deploy()["sphering: unbegun runs"]
    assert (change["differed"], change["old"], change["new"]) == (["within"], {"within": "10 s"}, {"within": "600 s"})
    api.post(f"/flow_runs/{waiting}/set_state", state={"type": "CANCELLED"})


def test_a_run_whose_process_and_worker_are_gone_is_marked_crashed(deployed, tmp_path):
    api = deployed.api
    deployed.deploy()
    deployed.put(dead_runs(timedelta(seconds=15)))
    shutil.rmtree(deployed.config.parent / "store", ignore_errors=True)
    with worker(deployed.environment, tmp_path) as process:
        run = api.start("main-job/nightly-banking77")
        api.ended(run, {"RUNNING", "COMPLETED"})
        api.events("prefect.flow-run.heartbeat", f"prefect.flow-run.{run}", 1)
        for dying in (process.pid, *_descendants(process.pid)):  # the worker first: it would tell of its child's death
            os.kill(dying, signal.SIGKILL)
    assert api.get(f"/flow_runs/{run}")["state_type"] == "RUNNING"
    dead = api.ended(run)
    assert dead["state_type"] == "CRASHED"
    assert "its process is gone" in dead["state"]["message"]
    assert deployed.deploy()["sphering: dead runs"]["differed"] == ["within"]


def _descendants(process):
    """Return the processes that a process began, directly or not."""
    tasks = Path(f"/proc/{process}/task")
    children = [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return [each for child in children for each in (child, *_descendants(child))]


def _awaited(ask, seconds=60):
    """Return what is found when something is."""
    end = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(0.3)
    return found
