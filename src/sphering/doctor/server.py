"""Whether the configured Prefect server answers."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator

from sphering.doctor.finding import Finding

_SECONDS = 3.0


def check() -> Iterator[Finding]:
    """Ask the server's health page, without Prefect, which takes seconds to import."""
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        yield Finding("server", "ok", "PREFECT_API_URL is not set: a run starts a server of its own")
        return
    if not url.startswith(("http://", "https://")):
        yield Finding(
            "server",
            "fails",
            f"PREFECT_API_URL={url} is no address",
            "export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
        return
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=_SECONDS) as answer:  # noqa: S310 - the scheme is checked
            status = answer.status
    except (urllib.error.URLError, OSError, ValueError) as error:
        yield Finding(
            "server",
            "fails",
            f"{url} does not answer: {error}",
            "start it (`prefect server start`) or `unset PREFECT_API_URL`: then a run starts a server of its own",
        )
        return
    yield Finding("server", "ok", f"{url} answers ({status})")
