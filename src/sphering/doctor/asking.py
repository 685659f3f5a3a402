"""How the checks of a Prefect server ask it: for as long as it answers, and for all that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sphering.doctor.finding import Finding

_SECONDS = 3.0


def answers(url: str, ask: Callable[[Any], Iterable[Finding]]) -> list[Finding]:
    """Return what is found with a client of the server; nothing where there is none, or where it does not answer."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    if not url:
        return []
    try:
        with (
            temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client({"timeout": httpx.Timeout(_SECONDS)}, sync_client=True) as client,
        ):
            return list(ask(client))
    except httpx.HTTPError:  # the check of the server says so
        return []


def every(read: Callable[..., list[Any]], *arguments: Any, **filters: Any) -> list[Any]:
    """Return all that a method of the client reads: the server gives as many at once as it is set to."""
    found: list[Any] = []
    while page := read(*arguments, offset=len(found), **filters):
        found += page
    return found


def deployments_of_ours(client: Any) -> list[Any]:
    """Return the deployments of this package's flows."""
    return [one for one in every(client.read_deployments) if (one.entrypoint or "").startswith("sphering.flows.")]
