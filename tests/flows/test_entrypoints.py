"""prefect.yaml against the flows that it names."""

import inspect
import json
import os
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

from sphering.config.load import load
from sphering.config.model import Config
from sphering.errors import ConfigError
from sphering.flows.deploy.automations import SILENCE
from sphering.flows.deployment import checked_config
from sphering.flows.deployments import DEPLOYABLE, POOL, TIMEZONE, job_environment
from sphering.flows.environment import DEFAULTS, prepare

ROOT = Path(__file__).parents[2]
PLAN = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
OF_TARGET = "-{{ checked.target }}"
DEPLOYMENTS = {deployment["name"].removesuffix(OF_TARGET): deployment for deployment in PLAN["deployments"]}
FLOWS = {
    "main_job": ["config"],
    "embed": ["config"],
    "refit": ["config"],
    "verify": ["config", "reencode"],
    "maintain": ["config", "keep", "grace_days", "published_days", "records_days"],
    "drift": ["config", "days", "max_drift"],
    "backfill": ["config", "into", "bounds"],
    **{name: ["config", "snapshot"] for name in ("fit", "report", "export")},
}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_entrypoint_loads_as_the_flow_itself(name):
    entrypoint = DEPLOYMENTS[name]["entrypoint"]
    module, _, attribute = entrypoint.rpartition(".")
    assert load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False) is getattr(
        import_module(module), attribute
    )


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_parameters_of_every_deployment_validate(name, tmp_path, write_config):
    config = write_config(tmp_path)
    parameters = {**DEPLOYMENTS[name]["parameters"], "config": str(config)}
    flow = load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)
    validate(parameters, parameter_schema(flow).model_dump(), raise_on_error=True)
    assert {**parameters, "config": config}.items() <= flow.validate_parameters(parameters).items()


def test_a_configuration_by_value_validates_as_well(tmp_path, write_config):
    config = load(write_config(tmp_path))
    flow = load_flow_from_entrypoint(DEPLOYMENTS["nightly"]["entrypoint"], use_placeholder_flow=False)
    by_value = json.loads(config.model_dump_json())
    validate({"config": by_value}, parameter_schema(flow).model_dump(), raise_on_error=True)
    assert flow.validate_parameters({"config": by_value})["config"].document() == config.document()
    assert isinstance(flow.validate_parameters({"config": config})["config"], Config)


def test_no_deployment_needs_a_checkout():
    assert PLAN["pull"] == []
    assert [name for name, deployment in DEPLOYMENTS.items() if "pull" in deployment] == []


def test_prefect_yaml_says_what_the_list_of_deployments_says():
    assert [deployment["name"] for deployment in PLAN["deployments"]] == [
        f"{deployable.kind}{OF_TARGET}" for deployable in DEPLOYABLE
    ]
    for deployable in DEPLOYABLE:
        found = DEPLOYMENTS[deployable.kind]
        given = {"config": "{{ checked.config }}"} if deployable.configured else {}
        slot = {"slug": deployable.kind, "cron": deployable.cron, "timezone": TIMEZONE, "active": True}
        assert found == {
            "name": f"{deployable.kind}{OF_TARGET}",
            "description": deployable.description,
            "entrypoint": deployable.entrypoint,
            "tags": "{{ checked.tags }}",
            "parameters": {**given, **deployable.parameters},
            "enforce_parameter_schema": True,
            "concurrency_limit": {"limit": 1, "collision_strategy": deployable.collision},
            "schedules": [slot] if deployable.cron else [],
            "work_pool": {"name": POOL, "job_variables": {"env": "{{ checked.environment }}"}},
        }


OF_HUB = 'model = "org/name"\nrevision = "0123456789012345678901234567890123456789"'


@pytest.mark.parametrize(("encoder", "asks"), [('backend = "torch"', False), (OF_HUB, True)])
def test_workers_get_the_settings_that_a_command_prepares(encoder, asks, tmp_path, write_config, monkeypatch):
    file = write_config(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace('backend = "torch"', encoder), encoding="utf-8")
    config = load(file)
    monkeypatch.setattr(os, "environ", {})
    prepare(0, config.encoder)
    # What a command sets for its own server and terminal is none of a worker's business.
    of_commands = (
        "PREFECT_SERVER_EPHEMERAL",
        "PREFECT_SERVER_UI",
        "PREFECT_LOGGING_HANDLERS",
        "PREFECT_LOGGING_COLORS",
    )
    prepared = {key: value for key, value in os.environ.items() if not key.startswith(of_commands)}
    assert prepared == job_environment(config) == checked_config(str(file))["environment"]
    assert ("HF_HUB_OFFLINE" not in prepared) == asks


def test_a_dead_run_is_given_up_after_three_heartbeats_at_least():
    assert SILENCE.total_seconds() >= 3 * int(DEFAULTS["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])


@pytest.mark.parametrize(("name", "parameters"), FLOWS.items())
def test_every_flow_takes_the_configuration_and_says_its_corpus(name, parameters):
    flow = getattr(import_module(f"sphering.flows.{name}"), name)
    assert list(inspect.signature(flow.fn).parameters) == parameters
    assert callable(flow.flow_run_name)
    assert flow.retries == 0
    assert flow.timeout_seconds is None
    assert flow.persist_result is not True


def test_a_deployment_without_a_configuration_is_refused():
    with pytest.raises(ConfigError, match="SPHERING_CONFIG"):
        checked_config(None)


def test_a_deployment_with_a_wrong_configuration_is_refused(tmp_path, write_config):
    config = write_config(tmp_path, '\n[transfrom]\nkind = "none"\n')
    with pytest.raises(ConfigError, match="transform"):
        checked_config(str(config))


def test_a_relative_configuration_becomes_absolute_when_it_is_deployed(tmp_path, write_config, monkeypatch):
    config = write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert checked_config(config.name)["config"] == os.fspath(config)


def test_the_names_of_deployments_end_in_the_corpus_and_a_channel_of_its_own(tmp_path, write_config):
    config = write_config(tmp_path)
    assert checked_config(str(config))["target"] == "banking77"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[run]", '[run]\nchannel = "next"'), encoding="utf-8")
    assert checked_config(str(config))["target"] == "banking77@next"
