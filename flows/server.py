"""The Prefect server behind a command: the configured one if it answers, else a temporary one for the command.

One server serves the command and whatever workers it starts; without one, every worker process would start a server
of its own over the same SQLite file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    PREFECT_UI_URL,
    get_current_settings,
    temporary_settings,
)
from prefect.settings.constants import DEFAULT_PREFECT_HOME

from sphering.errors import ServerError
from sphering.flows.child import Child

ANSWER_SECONDS: Final = 3.0
_child: Child | None = None


def configured_url() -> str:
    """Return the address of the configured server's API, from wherever Prefect takes it; empty where there is none."""
    return PREFECT_API_URL.value() or ""


def find() -> None:
    """Check the configured server, or begin to start a temporary one, which takes seconds that others may use.

    Raises
    ------
    ServerError
        If the configured server does not answer.
    """
    global _child
    configured = configured_url()
    if configured:
        require_answer(configured)
    elif _child is None or not _child.alive:
        _child = Child.spawn(own_database=not _database_is_chosen())


@contextmanager
def connected() -> Iterator[str]:
    """Run a block with a Prefect server; the value is the address of its API.

    A temporary server ends with the process, not with the block.

    Raises
    ------
    ServerError
        If the configured server does not answer within seconds, or a temporary one does not start.
    """
    find()
    if _child is None or configured_url():
        yield configured_url()
        return
    _child.await_answer(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
    url = _child.url
    # Worker processes read the environment. Heartbeats find dead runs on a server that outlives them; here they would
    # only cost every flow run a second at its end. And a notice must not have a link to pages that are gone.
    os.environ["PREFECT_API_URL"] = url
    try:
        passing = {PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_UI_URL: ""}
        with temporary_settings(passing):
            yield url
    finally:
        os.environ.pop("PREFECT_API_URL", None)


def _database_is_chosen() -> bool:
    """Return whether the user has said where the database lies: by its address, or by another home than Prefect's."""
    address = get_current_settings().server.database.connection_url
    default = f"sqlite+aiosqlite:///{DEFAULT_PREFECT_HOME}/prefect.db"
    return address is not None and address.get_secret_value() != default


def require_answer(url: str) -> None:
    """Raise ServerError unless the Prefect API at `url` answers its health check, once, within seconds."""
    with (
        temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client({"timeout": httpx.Timeout(ANSWER_SECONDS)}, sync_client=True) as client,
    ):
        error = client.api_healthcheck()
    if error is not None:
        raise ServerError(
            f"the Prefect server does not answer: {type(error).__name__}: {error}",
            expected=f"an answer within {ANSWER_SECONDS:g} s",
            where=f"{url} (PREFECT_API_URL, from the environment or the Prefect profile)",
            remedy="start it (`prefect server start`) or correct PREFECT_API_URL; without PREFECT_API_URL "
            "(`unset PREFECT_API_URL`, `prefect config unset PREFECT_API_URL`) a run needs no server",
        ) from error
