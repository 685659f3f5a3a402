"""Whether the configured Prefect server answers."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

from sphering.doctor.finding import Finding

_SECONDS = 3.0
_ORIGIN = "PREFECT_API_URL, from the environment or the Prefect profile"


def configured_url() -> str:
    """Return the address that a run would use, empty where it would start a server of its own.

    Only Prefect knows: the address may stand in the environment, in a profile or in a file of this folder.
    """
    from sphering.flows.server import configured_url

    return configured_url()


def check(url: str) -> Iterator[Finding]:
    """Ask the health page of the server at an address; an empty one asks nobody."""
    url = url.rstrip("/")
    if not url:
        yield Finding("server", "ok", "PREFECT_API_URL is not set: a run starts a server of its own")
        return
    if not url.startswith(("http://", "https://")):
        mend = "export PREFECT_API_URL=http://127.0.0.1:4200/api"
        yield Finding("server", "fails", f"{url} is no address ({_ORIGIN})", mend)
        return
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=_SECONDS) as answer:  # noqa: S310 - the scheme is checked
            status = answer.status
    except (urllib.error.URLError, OSError, ValueError) as error:
        yield Finding(
            "server",
            "fails",
            f"{url} does not answer ({_ORIGIN}): {error}",
            "start it (`prefect server start`), or forget it (`unset PREFECT_API_URL`, `prefect config unset "
            "PREFECT_API_URL`): then a run starts a server of its own",
        )
        return
    yield Finding("server", "ok", f"{url} answers ({status})")
