"""How Prefect is set up on this machine for runs that nobody watches: its limits, its database, its server at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sphering.doctor.finding import Finding

_SLOWEST_START = 60
"""Seconds: starts of 23 were measured on a busy machine of two cores, of 75 in a fresh container."""


def check(url: str) -> Iterator[Finding]:
    """Look at the settings of Prefect as a run would have them.

    Parameters
    ----------
    url : str
        The address of the server's API; empty where a run would start a server of its own.
    """
    yield _start_up() if not url else _heartbeats()
    yield _database(url)
    if not url:
        yield _schedule(Path.cwd())


def _start_up() -> Finding:
    from prefect.settings import PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS as SETTING

    seconds = SETTING.value()
    found = f"a server of a run's own may take {seconds:g} s to start"
    if seconds < _SLOWEST_START:
        return Finding(
            "start-up", "warns", found, f"unset {SETTING.name}, or set it to 120: a busy machine takes longer"
        )
    return Finding("start-up", "ok", found)


def _heartbeats() -> Finding:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY as SETTING

    seconds = SETTING.value()
    if seconds is None:
        mend = f"unset {SETTING.name}: then it is 30, as in what `sphering deploy` makes"
        return Finding("heartbeats", "warns", "runs from here send none: a dead one would stay Running for ever", mend)
    return Finding("heartbeats", "ok", f"runs from here send one every {seconds:g} s")


def _database(url: str) -> Finding:
    from prefect.settings import get_current_settings
    from prefect.settings.constants import DEFAULT_PREFECT_HOME

    secret = get_current_settings().server.database.connection_url
    address = secret.get_secret_value() if secret is not None else ""
    own = f"sqlite+aiosqlite:///{DEFAULT_PREFECT_HOME}/prefect.db"
    if url or not address.startswith("sqlite") or address == own:
        kind = address.partition(":")[0] if address and address != own else "not chosen"
        return Finding("prefect database", "ok", kind)
    return Finding(
        "prefect database",
        "warns",
        "PREFECT_API_DATABASE_CONNECTION_URL or PREFECT_HOME names a SQLite file, and every run puts a server over it",
        "start one server (`prefect server start`) and export PREFECT_API_URL for runs and workers; or unset it, then "
        "each run has a database that goes with it",
    )


def _schedule(folder: Path) -> Finding:
    found = "runs start a server that ends with them: no schedule, no history, and a killed run is seen by nobody"
    mend = (
        "for a schedule: a server, a worker and PREFECT_API_URL (docs/operations.md); or cron with [notify], [metrics]"
    )
    return Finding("schedule", "warns" if (folder / "prefect.yaml").exists() else "ok", found, mend)
