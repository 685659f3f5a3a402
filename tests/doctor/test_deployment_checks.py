"""What the doctor sees of deployments on a real Prefect server: pauses, runs that are to come, pools, workers."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from sphering.doctor import automations, deployments
from sphering.flows.deployments import DEPLOYABLE

ENTRYPOINT = "sphering.flows.main_job.main_job"


def found(findings, check):
    (finding,) = (one for one in findings if one.check == check)
    assert (finding.state == "ok") or finding.mend
    return finding


def test_nobody_is_asked_without_a_server_and_one_that_is_gone_is_the_server_checks_to_say():
    for url in ("", "http://127.0.0.1:9/api"):
        assert list(deployments.check(url, None)) == []
        assert list(automations.check(url)) == []


@pytest.fixture
def deployed(client):
    """A deployment of the main job in a pool of its own, whose name is the value."""
    from prefect.client.schemas.actions import WorkPoolCreate

    pool = f"pool-{uuid.uuid4().hex[:8]}"
    client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    flow = client.create_flow_from_name("main-job")
    client.create_deployment(flow, "nightly-c", work_pool_name=pool, entrypoint=ENTRYPOINT)
    return pool


def test_a_server_without_deployments_is_told_how_to_get_some(client, prefect_api):
    findings = [*deployments.check(prefect_api, None), *automations.check(prefect_api)]
    assert found(findings, "deployments").mend
    assert found(findings, "dead runs").state == "warns"


def test_a_pool_without_a_worker_fails_and_one_with_a_worker_is_fine(client, deployed, prefect_api):
    finding = found(deployments.check(prefect_api, None), f"pool {deployed}")
    assert finding.state == "fails"
    assert finding.mend.startswith(f"prefect worker start --pool {deployed}")
    client.send_worker_heartbeat(deployed, "w1", heartbeat_interval_seconds=30)
    finding = found(deployments.check(prefect_api, None), f"pool {deployed}")
    assert (finding.state, finding.found) == ("ok", "process, 1 worker alive")


def test_a_paused_pool_and_a_paused_deployment_are_named(client, deployed, prefect_api):
    from prefect.client.schemas.actions import WorkPoolUpdate

    client.send_worker_heartbeat(deployed, "w1", heartbeat_interval_seconds=30)
    client.update_work_pool(deployed, WorkPoolUpdate(is_paused=True))
    assert "paused" in found(deployments.check(prefect_api, None), f"pool {deployed}").found
    (deployment,) = client.read_deployments()
    client.pause_deployment(deployment.id)
    assert found(deployments.check(prefect_api, None), "deployments").state == "warns"


@pytest.fixture
def nightly(client, deployed):
    """Give the deployment a schedule; return what Prefect has of both. The server has no scheduler."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    (deployment,) = client.read_deployments()
    at_two = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 2 * * *", timezone="UTC"), slug="nightly")
    (schedule,) = client.create_deployment_schedules(deployment.id, [at_two])
    return deployment, schedule


def test_a_schedule_that_is_paused_by_itself_is_named_with_the_command_that_resumes_it(client, nightly, prefect_api):
    deployment, schedule = nightly
    assert found(deployments.check(prefect_api, None), "deployments").state == "ok"
    client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    finding = found(deployments.check(prefect_api, None), "deployments")
    assert finding.state == "warns"
    assert "the schedule nightly of nightly-c is paused" in finding.found
    assert finding.mend == f"prefect deployment schedule resume main-job/nightly-c {schedule.id}"


def test_a_schedule_of_which_the_server_makes_no_run_is_warned_of(client, nightly, prefect_api):
    from prefect.states import Scheduled

    deployment, schedule = nightly
    finding = found(deployments.check(prefect_api, None), "coming runs")
    assert finding.state == "warns"
    assert "nightly-c" in finding.found
    for hours, state in ((-1, "warns"), (1, "ok")):
        at = datetime.now(UTC) + timedelta(hours=hours)
        client.create_flow_run_from_deployment(
            deployment.id, state=Scheduled(scheduled_time=at), tags=["auto-scheduled"]
        )
        assert found(deployments.check(prefect_api, None), "coming runs").state == state
    client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    assert [one for one in deployments.check(prefect_api, None) if one.check == "coming runs"] == []


def test_a_corpus_that_is_not_deployed_is_told_how(client, deployed, configured, prefect_api):
    finding = found(deployments.check(prefect_api, configured()), "corpus")
    assert finding.state == "warns"
    assert "verify-c" in finding.found
    assert "nightly-c" not in finding.found
    in_next = configured('[run]\nchannel = "next"\n')
    assert found(deployments.check(prefect_api, in_next), "corpus").found == "not deployed on this server: c@next"
    flow = client.create_flow_from_name("others")
    for one in DEPLOYABLE[1:]:
        client.create_deployment(flow, f"{one.kind}-c", entrypoint=one.entrypoint)
    assert found(deployments.check(prefect_api, configured()), "corpus").found == "c is deployed"


def test_a_server_with_more_deployments_than_it_gives_at_once_is_read_to_the_end(client, prefect_api):
    flow = client.create_flow_from_name("others")
    for number in range(205):
        client.create_deployment(flow, f"n{number:03}", entrypoint=ENTRYPOINT)
    assert found(deployments.check(prefect_api, None), "deployments").found.endswith("n203, n204")
