"""The Prefect server behind a command: the configured one if it answers, else a temporary one for the command.

One server serves the command and whatever workers it starts; without one, every worker process would start a server
of its own over the same SQLite file.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import httpx
from prefect.client.orchestration import get_client
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
    temporary_settings,
)

from sphering.errors import ServerError

ANSWER_SECONDS: Final = 3.0
_LAST_WORDS: Final = 600


@contextmanager
def connected() -> Iterator[str]:
    """Run a block with a Prefect server; the value is the address of its API.

    Raises
    ------
    ServerError
        If the configured server does not answer within seconds, or a temporary one does not start.
    """
    url = PREFECT_API_URL.value()
    if url:
        require_answer(url)
        yield url
        return
    url = temporary_server()
    # Worker processes read the environment; heartbeats serve to find dead runs on a server that outlives them, and
    # cost every flow run a second at its end.
    settings = {PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    os.environ["PREFECT_API_URL"] = url
    try:
        with temporary_settings(settings):
            yield url
    finally:
        os.environ.pop("PREFECT_API_URL", None)


def require_answer(url: str) -> None:
    """Raise ServerError unless the Prefect API at `url` answers its health check."""
    timeout = {"httpx_settings": {"timeout": httpx.Timeout(ANSWER_SECONDS)}}
    with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        with get_client(sync_client=True, **timeout) as client:
            error = client.api_healthcheck()
    if error is not None:
        raise ServerError(
            f"the Prefect server does not answer: {type(error).__name__}: {error}",
            expected=f"an answer within {ANSWER_SECONDS:g} s",
            where=f"{url} (PREFECT_API_URL, from the environment or the Prefect profile)",
            remedy="start it (`prefect server start`), correct PREFECT_API_URL, or do without it: "
            "`unset PREFECT_API_URL`, `prefect config unset PREFECT_API_URL`",
        ) from error
