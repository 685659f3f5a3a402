"""What the doctor sees of automations on a real Prefect server: those that end dead runs and unbegun ones."""

from datetime import timedelta

import pytest

from sphering.doctor import automations
from sphering.flows.deploy.automations import dead_runs, unbegun_runs


def found(findings, check):
    (finding,) = (one for one in findings if one.check == check)
    assert (finding.state == "ok") or finding.mend
    return finding


def zombies(within):
    """The automation that marks a run as crashed whose heartbeats stay away."""
    from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture
    from prefect.client.schemas.objects import StateType

    return AutomationCore(
        name="zombies",
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
    assert found(automations.check(prefect_api), "dead runs").state == state


def test_a_compound_automation_is_looked_into(client, prefect_api):
    from prefect.automations import CompoundTrigger

    whole = zombies(90)
    both = CompoundTrigger(triggers=[whole.trigger, whole.trigger], require="any", within=timedelta(seconds=5))
    client.create_automation(whole.model_copy(update={"trigger": both}))
    assert found(automations.check(prefect_api), "dead runs").state == "ok"


@pytest.mark.parametrize("gone", ["dead runs", "unbegun runs"])
def test_of_the_automations_that_are_deployed_each_one_that_is_gone_or_switched_off_is_missed(
    client, prefect_api, gone
):
    ids = {one.name.removeprefix("sphering: "): client.create_automation(one) for one in (dead_runs(), unbegun_runs())}
    assert [one.state for one in automations.check(prefect_api)] == ["ok", "ok"]
    client.pause_automation(ids[gone])
    assert {one.check: one.state for one in automations.check(prefect_api)} == {
        name: "warns" if name == gone else "ok" for name in ids
    }
    client.delete_automation(ids[gone])
    finding = found(automations.check(prefect_api), gone)
    assert finding.state == "warns"
    assert finding.mend.startswith("sphering deploy")


def test_the_heartbeats_of_a_deployment_are_those_that_it_sets_itself(client, prefect_api, settings):
    client.create_automation(dead_runs())
    settings(PREFECT_FLOWS_HEARTBEAT_FREQUENCY=180)
    flow, entrypoint = client.create_flow_from_name("main-job"), "sphering.flows.main_job.main_job"
    for name, seconds, state in (("nightly-c", "30", "ok"), ("nightly-d", "60", "warns")):
        variables = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": seconds}}
        client.create_deployment(flow, name, entrypoint=entrypoint, job_variables=variables)
        finding = found(automations.check(prefect_api), "dead runs")
        assert finding.state == state
        assert f"one every {seconds} s" in finding.found
    assert finding.mend.startswith("sphering deploy")


def test_a_server_with_more_automations_than_it_gives_at_once_is_read_to_the_end(client, prefect_api):
    for number in range(201):
        client.create_automation(dead_runs().model_copy(update={"name": f"a{number:03}", "enabled": False}))
    client.create_automation(unbegun_runs())
    assert found(automations.check(prefect_api), "unbegun runs").state == "ok"
