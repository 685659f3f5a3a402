"""The traps of runs that nobody watches, each on a machine that has it, and on one that has not."""

import os
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.settings.constants import DEFAULT_PREFECT_HOME

from sphering.config.load import load
from sphering.doctor import disk, memory, scheduler, server_watch, telling
from sphering.doctor.examine import examine

GIGABYTE = 1 << 30


@pytest.fixture
def configured(tmp_path):
    def write(extra=""):
        file = tmp_path / "sphering.toml"
        file.write_text(f'corpus = "c"\n[source]\npath = "x.jsonl"\n{extra}', encoding="utf-8")
        return load(file)

    return write


def found(findings, check):
    (finding,) = (one for one in findings if one.check == check)
    assert (finding.state == "ok") or finding.mend
    return finding


@pytest.mark.parametrize(
    ("asked", "available", "state"),
    [("1GB", 8, "ok"), ("1GB", 2, "ok"), ("1500MB", 2, "warns"), ("2.5GB", 2, "fails"), ("64MB", 1.5, "ok")],
)
def test_memory_that_the_control_group_does_not_allow_is_named(configured, monkeypatch, asked, available, state):
    monkeypatch.setattr(memory, "available_memory", lambda: int(available * GIGABYTE))
    finding = found(memory.check(configured(f'[run]\nmemory = "{asked}"\n')), "memory")
    assert finding.state == state
    assert asked in finding.found


def test_without_notice_and_metrics_there_is_nothing_to_look_at(configured):
    assert list(telling.check(configured())) == []


@pytest.mark.parametrize(
    ("address", "state"),
    [(None, "warns"), ("", "warns"), ("hooks.example/SECRET", "warns"), ("https://h/SECRET", "ok")],
)
def test_a_notice_without_an_address_is_warned_of_and_no_address_is_shown(configured, monkeypatch, address, state):
    monkeypatch.delenv("A_WEBHOOK", raising=False)
    if address is not None:
        monkeypatch.setenv("A_WEBHOOK", address)
    finding = found(telling.check(configured('[notify]\nurl_env = "A_WEBHOOK"\n')), "notify")
    assert finding.state == state
    assert "A_WEBHOOK" in finding.found
    assert "SECRET" not in finding.found + finding.mend


def test_a_metrics_file_that_can_be_written_leaves_nothing_behind(configured, tmp_path):
    finding = found(telling.check(configured('[metrics]\nfile = "x.prom"\n')), "metrics")
    assert finding.state == "ok"
    assert [path.name for path in tmp_path.iterdir()] == ["sphering.toml"]


def test_a_metrics_file_in_a_folder_that_is_not_there_is_named(configured, tmp_path):
    finding = found(telling.check(configured('[metrics]\nfile = "nowhere/x.prom"\n')), "metrics")
    assert finding.state == "warns"
    assert str(tmp_path / "nowhere") in finding.found + finding.mend


def test_a_metrics_file_of_another_corpus_is_named(configured, tmp_path):
    (tmp_path / "x.prom").write_text('sphering_documents{corpus="other",channel="main"} 1\n')
    finding = found(telling.check(configured('[metrics]\nfile = "x.prom"\n')), "metrics")
    assert finding.state == "warns"
    assert "other" in finding.found


def test_a_store_without_hard_links_is_named(configured, monkeypatch):
    def refuses(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    finding = found(disk.check(configured()), "store")
    assert finding.state == "fails"
    assert "hard links" in finding.found


@pytest.fixture
def settings():
    """Return a function that gives Prefect some settings for the length of a test."""
    from contextlib import ExitStack

    from prefect import settings as prefect_settings

    with ExitStack() as stack:
        yield lambda **values: stack.enter_context(
            prefect_settings.temporary_settings(
                {getattr(prefect_settings, name): value for name, value in values.items()}
            )
        )


@pytest.mark.parametrize(("seconds", "state"), [(20, "warns"), (59, "warns"), (120, "ok")])
def test_a_start_up_limit_that_a_busy_machine_exceeds_is_warned_of(settings, seconds, state):
    settings(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=seconds)
    assert found(scheduler.check(""), "start-up").state == state


@pytest.mark.parametrize(("seconds", "state"), [(None, "warns"), (30, "ok"), (180, "ok")])
def test_a_worker_without_heartbeats_is_warned_of(settings, seconds, state):
    settings(PREFECT_FLOWS_HEARTBEAT_FREQUENCY=seconds)
    assert found(scheduler.check("http://127.0.0.1:9/api"), "heartbeats").state == state


@pytest.mark.parametrize(
    ("url", "address", "state"),
    [
        ("", "sqlite+aiosqlite:////srv/prefect.db", "warns"),
        ("http://127.0.0.1:9/api", "sqlite+aiosqlite:////srv/prefect.db", "ok"),
        ("", "postgresql+asyncpg://prefect:SECRET@db/prefect", "ok"),
        ("", f"sqlite+aiosqlite:///{DEFAULT_PREFECT_HOME}/prefect.db", "ok"),
    ],
)
def test_a_sqlite_file_that_runs_would_share_without_a_server_is_warned_of(settings, url, address, state):
    settings(PREFECT_API_DATABASE_CONNECTION_URL=address)
    finding = found(scheduler.check(url), "prefect database")
    assert finding.state == state
    assert "SECRET" not in finding.found


def test_deployments_without_a_server_are_warned_of(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert found(scheduler.check(""), "schedule").state == "ok"
    (tmp_path / "prefect.yaml").write_text("deployments: []\n")
    assert found(scheduler.check(""), "schedule").state == "warns"
    assert [one.check for one in scheduler.check("http://127.0.0.1:9/api") if one.check == "schedule"] == []


def test_nobody_is_asked_without_a_server_and_one_that_is_gone_is_the_server_checks_to_say():
    assert list(server_watch.check("")) == []
    assert list(server_watch.check("http://127.0.0.1:9/api")) == []


@pytest.fixture
def client(prefect_api, settings):
    """A client of a real server that has nothing of ours before and after."""
    from prefect.client.orchestration import get_client

    settings(PREFECT_API_URL=prefect_api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30)
    with get_client(sync_client=True) as client:
        yield client
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)
        for automation in client.read_automations():
            client.delete_automation(automation.id)


@pytest.fixture
def deployed(client):
    """A deployment of the main job in a pool of its own, whose name is the value."""
    from prefect.client.schemas.actions import WorkPoolCreate

    pool = f"pool-{uuid.uuid4().hex[:8]}"
    client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    flow = client.create_flow_from_name("main-job")
    client.create_deployment(flow, "nightly", work_pool_name=pool, entrypoint="sphering.flows.main_job.main_job")
    return pool


def test_a_server_without_deployments_is_told_how_to_get_some(client, prefect_api):
    findings = list(server_watch.check(prefect_api))
    assert found(findings, "deployments").mend
    assert found(findings, "dead runs").state == "warns"


def test_a_pool_without_a_worker_fails_and_one_with_a_worker_is_fine(client, deployed, prefect_api):
    finding = found(server_watch.check(prefect_api), f"pool {deployed}")
    assert finding.state == "fails"
    assert finding.mend.startswith(f"prefect worker start --pool {deployed}")
    client.send_worker_heartbeat(deployed, "w1", heartbeat_interval_seconds=30)
    finding = found(server_watch.check(prefect_api), f"pool {deployed}")
    assert (finding.state, finding.found) == ("ok", "process, 1 worker alive")


def test_a_paused_pool_and_a_paused_deployment_are_named(client, deployed, prefect_api):
    from prefect.client.schemas.actions import WorkPoolUpdate

    client.send_worker_heartbeat(deployed, "w1", heartbeat_interval_seconds=30)
    client.update_work_pool(deployed, WorkPoolUpdate(is_paused=True))
    assert "paused" in found(server_watch.check(prefect_api), f"pool {deployed}").found
    (deployment,) = client.read_deployments()
    client.pause_deployment(deployment.id)
    assert found(server_watch.check(prefect_api), "deployments").state == "warns"


def zombies(within):
    """The automation that marks a run as crashed whose heartbeats stay away."""
    from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture
    from prefect.client.schemas.objects import StateType

    return AutomationCore(
        name="dead-runs",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", "prefect.flow-run.Completed"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=within),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED)],
    )


@pytest.mark.parametrize(("within", "frequency", "state"), [(90, 180, "warns"), (89, 30, "warns"), (90, 30, "ok")])
def test_an_automation_that_would_take_healthy_runs_for_dead_is_warned_of(
    client, prefect_api, settings, within, frequency, state
):
    client.create_automation(zombies(within))
    settings(PREFECT_FLOWS_HEARTBEAT_FREQUENCY=frequency)
    assert found(server_watch.check(prefect_api), "dead runs").state == state


def test_a_compound_automation_is_looked_into(client, prefect_api):
    from prefect.automations import CompoundTrigger

    whole = zombies(90)
    both = CompoundTrigger(triggers=[whole.trigger, whole.trigger], require="any", within=timedelta(seconds=5))
    client.create_automation(whole.model_copy(update={"trigger": both}))
    assert found(server_watch.check(prefect_api), "dead runs").state == "ok"


def test_every_file_of_the_doctor_is_asked(monkeypatch, configured):
    folder = Path(server_watch.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "examine", "finding"}
    asked = set()
    for name in files:
        module = __import__(f"sphering.doctor.{name}", fromlist=["check"])
        monkeypatch.setattr(module, "check", lambda *_, name=name: asked.add(name) or ())
    examine(configured())
    assert asked == files
