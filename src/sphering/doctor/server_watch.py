"""What the Prefect server says of those who should work and watch: pools, workers, the automation for dead runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphering.doctor.finding import Finding

_HEARTBEAT = "prefect.flow-run.heartbeat"
_MISSES = 3
"""Heartbeats that may fail to come: `within` twice the pause marked a healthy run as crashed."""
_SECONDS = 3.0


def check(url: str) -> Iterator[Finding]:
    """Ask a server that answers for the pools that deployments of this package use, their workers, and automations."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    if not url:
        return
    try:
        with (
            temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client({"timeout": httpx.Timeout(_SECONDS)}, sync_client=True) as client,
        ):
            yield from _work(client)
            yield _dead_runs(client)
    except httpx.HTTPError:  # the check of the server says so
        return


def _work(client: Any) -> Iterator[Finding]:
    ours = [one for one in client.read_deployments() if (one.entrypoint or "").startswith("sphering.flows.")]
    if not ours:
        yield Finding("deployments", "ok", "none on this server", "if you want a schedule: docs/operations.md")
        return
    paused = sorted(one.name for one in ours if one.paused)
    found = ", ".join(sorted(one.name for one in ours))
    if paused:
        mend = f"prefect deployment schedule resume, for {', '.join(paused)}"
        yield Finding("deployments", "warns", f"{', '.join(paused)} paused: no night comes of it", mend)
    else:
        yield Finding("deployments", "ok", found)
    for pool in sorted({one.work_pool_name for one in ours if one.work_pool_name}):
        yield _pool(client, pool)


def _pool(client: Any, name: str) -> Finding:
    pool = client.read_work_pool(name)
    alive = [worker.name for worker in client.read_workers_for_work_pool(name) if worker.status == "ONLINE"]
    if pool.is_paused:
        return Finding(f"pool {name}", "fails", "paused: its runs wait", f"prefect work-pool resume {name}")
    if not alive:
        mend = f"prefect worker start --pool {name} (as a service: docs/operations.md)"
        return Finding(f"pool {name}", "fails", "no worker is alive: its runs wait", mend)
    return Finding(f"pool {name}", "ok", f"{pool.type}, {len(alive)} worker{'s' if len(alive) > 1 else ''} alive")


def _dead_runs(client: Any) -> Finding:
    """Return whether an automation finds runs that died, and not those that are merely between two heartbeats."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

    watching = [one for one in client.read_automations() if one.enabled and _HEARTBEAT in _expected(one.trigger)]
    if not watching:
        found = "no automation looks for heartbeats: a run that was killed with its worker stays Running"
        return Finding("dead runs", "warns", found, "sphering deploy")
    pause = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value()
    shortest = min(_within(one.trigger) for one in watching)
    found = f"marked as crashed {shortest:g} s after their last heartbeat, one every {pause} s"
    if pause is not None and shortest < _MISSES * pause:
        seconds = max(30, int(shortest / _MISSES))
        mend = f"export PREFECT_FLOWS_HEARTBEAT_FREQUENCY={seconds} where workers start, and leave within >= 3 times it"
        return Finding("dead runs", "warns", f"{found}: healthy runs would be among them", mend)
    return Finding("dead runs", "ok", found)


def _expected(trigger: Any) -> set[str]:
    """Return the events that a trigger, or any of those inside it, starts to wait after or waits for."""
    inside = getattr(trigger, "triggers", ())
    own = {*getattr(trigger, "after", ()), *getattr(trigger, "expect", ())}
    return own.union(*(_expected(one) for one in inside))


def _within(trigger: Any) -> float:
    inside = getattr(trigger, "triggers", None)
    return min(map(_within, inside)) if inside else trigger.within.total_seconds()
