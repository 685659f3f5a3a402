"""Examples and documents are run against one Prefect server, as those do who have one."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def configured_server(prefect_api):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_API_URL", prefect_api)
        yield
