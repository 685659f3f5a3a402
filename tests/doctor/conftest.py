"""A configuration, Prefect's settings and an empty server for the doctor's checks."""

import pytest

from sphering.config.load import load
from sphering.doctor.asking import every


@pytest.fixture
def configured(tmp_path):
    def write(extra=""):
        file = tmp_path / "sphering.toml"
        file.write_text(f'corpus = "c"\n[source]\npath = "x.jsonl"\n{extra}', encoding="utf-8")
        return load(file)

    return write


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


@pytest.fixture
def client(prefect_api, settings):
    """A client of a real server that has nothing of ours before and after."""
    from prefect.client.orchestration import get_client

    settings(PREFECT_API_URL=prefect_api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30)
    with get_client(sync_client=True) as client:
        yield client
        for deployment in every(client.read_deployments):
            client.delete_deployment(deployment.id)
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)
        for automation in every(client.read_automations):
            client.delete_automation(automation.id)
