"""One POST to a webhook, tried again a few times; its address is a secret and stands in no message."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

TRIES: Final = 3
SECONDS: Final = 10.0
"""For a connection, and for each part of the answer."""
PAUSE: Final = 1.0
_MAY_PASS: Final = (408, 425, 429)
_log = logging.getLogger(__name__)


def post(variable: str, payload: Mapping[str, Any], *, seconds: float = SECONDS, pause: float = PAUSE) -> bool:
    """Post a notice to the address that an environment variable holds; return whether it was taken.

    It never raises: no night fails for a notice. What went wrong is a warning in the log, without the address.

    Parameters
    ----------
    variable : str
        The environment variable.
    payload : mapping
        JSON values.
    seconds : float, default 10
        How long a connection, and each part of an answer, may take.
    pause : float, default 1
        Seconds before the second try; twice as long before the third and last.
    """
    address = os.environ.get(variable, "").strip()
    wrong = complaint(address)
    tries = 0
    while wrong is None and tries < TRIES:
        if tries:
            time.sleep(pause * 2 ** (tries - 1))
        tries += 1
        said, may_pass = _tried(address, payload, seconds)
        if said is None:
            return True
        if not may_pass or tries == TRIES:
            wrong = said
    _log.warning("no notice was sent to the address in %s: %s", variable, wrong)
    return False


def complaint(address: str) -> str | None:
    """Return what keeps an address from being one, without repeating it; None where it is fine."""
    if not address:
        return "the variable is not set"
    if not address.startswith(("http://", "https://")) or any(sign.isspace() for sign in address):
        return "it is no http:// or https:// address"
    return None


def _tried(address: str, payload: Mapping[str, Any], seconds: float) -> tuple[str | None, bool]:
    """Return what went wrong, None for nothing, and whether it may pass."""
    import httpx

    try:
        # The answer's body is not read: nothing in it is needed, and it could be endless.
        with (
            _unlogged(),
            httpx.Client(timeout=seconds, follow_redirects=False) as client,
            client.stream("POST", address, json=dict(payload)) as answer,
        ):
            status = answer.status_code
    except httpx.TransportError as error:
        return type(error).__name__, True  # its message may name the address
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return type(error).__name__, False
    if 200 <= status < 300:
        return None, False
    moved = " (a redirect, which is not followed)" if 300 <= status < 400 else ""
    return f"it answered {status}{moved}", status >= 500 or status in _MAY_PASS


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep what httpx logs of each request, the address among it, out of every log."""
    logger, own = logging.getLogger("httpx"), threading.get_ident()

    def of_another_thread(record: logging.LogRecord) -> bool:
        return record.thread != own

    logger.addFilter(of_another_thread)
    try:
        yield
    finally:
        logger.removeFilter(of_another_thread)
